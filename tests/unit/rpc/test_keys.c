/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A key that came over the socket is nowhere in the process's memory once the call is done,
 * whatever became of the call; and while it is there its pages are none of a core dump's.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "toys.h"
#include "unit.h"

enum { KEY_DIGITS = 72, CHUNK = 1 << 20, MASK = 0x55 };

/* The key, masked, so that it is not found here. */
static char masked[KEY_DIGITS];
/* What the memory is read into: not looked at. */
static char *chunk;

static void
key_make(void)
{
	srand((unsigned int)getpid());
	for (int i = 0; i < KEY_DIGITS; i++)
		masked[i] = (char)("0123456789abcdef"[rand() % 16] ^ MASK);
}

static void
key_write(char *to)
{
	for (int i = 0; i < KEY_DIGITS; i++)
		to[i] = (char)(masked[i] ^ MASK);
}

/* Half of the key is a key's part, too. */
static bool
is_key(const char *at)
{
	for (int i = 0; i < KEY_DIGITS / 2; i++)
		if ((at[i] ^ MASK) != masked[i])
			return false;
	return true;
}

/* Places of the key between the two addresses; *where: the last one. */
static unsigned int
range_scan(int memory, uintptr_t begin, uintptr_t end, uintptr_t *where)
{
	unsigned int found = 0;

	for (uintptr_t at = begin; at < end; at += CHUNK - KEY_DIGITS) {
		size_t n = end - at < CHUNK ? end - at : CHUNK;
		ssize_t got = pread(memory, chunk, n, (off_t)at);

		for (ssize_t i = 0; i + KEY_DIGITS / 2 <= got; i++)
			if (is_key(chunk + i)) {
				*where = at + (uintptr_t)i;
				found++;
			}
	}
	return found;
}

/* In all writable memory. */
static unsigned int
memory_scan(uintptr_t *where)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int memory = open("/proc/self/mem", O_RDONLY);
	unsigned int found = 0;
	uintptr_t begin, end;
	char line[512], flags[8];

	assert_non_null(maps);
	assert_true(memory >= 0);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &begin, &end, flags) == 3 &&
			flags[1] == 'w' && begin != (uintptr_t)chunk)
			found += range_scan(memory, begin, end, where);
	fclose(maps);
	close(memory);
	return found;
}

/* Whether the mapping that the address is in has the flag of MADV_DONTDUMP. */
static bool
is_hidden(uintptr_t address)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	uintptr_t begin, end;
	bool inside = false, hidden = false;
	char line[512];

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
			inside = begin <= address && address < end;
		if (inside && strncmp(line, "VmFlags:", 8) == 0)
			hidden = strstr(line, " dd") != NULL;
	}
	fclose(smaps);
	return hidden;
}

static const struct {
	const char *name, *line; /* '#' is the key */
	const char *answer;
} rows[] = {
	{"a call",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.key\",\"params\":{\"key\":\"#\"}}",
		"\"result\":{}"},
	{"a wrong method",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.kye\",\"params\":{\"key\":\"#\"}}",
		"-32601"},
	{"the key is the method", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"#\"}", "-32601"},
	{"the key is a name",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.key\",\"params\":{\"#\":1}}",
		"-32602"},
	{"the key is a name that could be one",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.key\",\"params\":{\"a#\":1}}",
		"-32602"},
	{"the key is a word",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"number\":1,"
		"\"word\":\"#\"}}",
		"-32602"},
	{"the key is in a list",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.key\",\"params\":{\"key\":[\"#\"]}"
		"}",
		"-32602"},
	{"the key is too long",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.key\",\"params\":{\"key\":\"###\"}"
		"}",
		"-32602"},
	{"the key is a kind of event",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.subscribe\",\"params\":{"
		"\"kinds\":"
		"[\"#\"]}}",
		"-32602"},
	{"broken JSON", "{\"key\":\"#\"", "-32700"},
	{"broken in the key", "{\"key\":\"#", "-32700"},
	{"twice", "{\"key\":\"#\",\"key\":\"#\"}", "-32700"},
	{"a word", "#", "-32700"},
	{"two calls",
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.key\",\"params\":{\"key\":\"#\"}},"
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"toy.key\",\"params\":{\"key\":\"#\"}}]",
		"\"result\":{}"},
	{"a batch",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"batch\",\"params\":{\"calls\":[{"
		"\"method\":"
		"\"toy.key\",\"params\":{\"key\":\"#\"}},{\"method\":\"#\"}]}}",
		"-32601"},
};

/* Sends the line, with the key in it, and nothing of it stays on this side. */
static void
send_with_key(struct toy_client *c, const char *line)
{
	char *text = malloc(strlen(line) + 4 * KEY_DIGITS + 1), *to = text;

	assert_non_null(text);
	for (const char *from = line; *from; from++) {
		if (*from == '#') {
			key_write(to);
			to += KEY_DIGITS;
		} else {
			*to++ = *from;
		}
	}
	assert_true(toy_send(c, text, (size_t)(to - text)));
	explicit_bzero(text, (size_t)(to - text));
	free(text);
}

static void
test_rows(void **state)
{
	unsigned int wrong = 0, found;
	uintptr_t where = 0;
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *answer;

		toy_connect(&c, &toy, true);
		send_with_key(&c, rows[i].line);
		answer = toy_ask(&c, "");
		explicit_bzero(toy.seen_key, sizeof(toy.seen_key));
		found = memory_scan(&where);
		if (found || !answer || !strstr(answer, rows[i].answer)) {
			print_error("%s: %u times in memory, %s\n", rows[i].name, found, answer);
			wrong++;
		}
		free(answer);
		toy_disconnect(&c);
		toy_serve(&toy);
	}
	assert_int_equal(wrong, 0);
	toy_close(&toy);
}

/* Where it must be found, it is; there its pages are hidden; and it goes with the client. */
static void
test_half_a_line(void **state)
{
	uintptr_t where = 0;
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	send_with_key(&c, "{\"key\":\"#\"");
	toy_serve(&toy);
	assert_int_equal(memory_scan(&where), 1);
	assert_true(is_hidden(where));
	/* the line grows out of its first buffers */
	for (int i = 0; i < 20000; i++)
		assert_true(toy_send(&c, "           ", 11));
	assert_int_equal(memory_scan(&where), 1);
	assert_true(is_hidden(where));
	toy_disconnect(&c);
	toy_serve(&toy);
	assert_int_equal(memory_scan(&where), 0);
	toy_close(&toy);
}

/* The scan finds what the method has kept. */
static void
test_kept(void **state)
{
	uintptr_t where = 0;
	struct toy_client c;
	struct toy toy;

	(void)state;
	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, true);
	send_with_key(&c, rows[0].line);
	free(toy_ask(&c, ""));
	assert_int_equal(memory_scan(&where), 1);
	assert_true(where == (uintptr_t)toy.seen_key);
	explicit_bzero(toy.seen_key, sizeof(toy.seen_key));
	assert_int_equal(memory_scan(&where), 0);
	toy_disconnect(&c);
	toy_close(&toy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_half_a_line),
		cmocka_unit_test(test_kept),
	};

	/* the first page keeps it apart from what is mapped beside it */
	chunk = mmap(NULL, CHUNK + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(chunk != MAP_FAILED);
	chunk += 4096;
	assert_int_equal(mprotect(chunk, CHUNK, PROT_READ | PROT_WRITE), 0);
	key_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
