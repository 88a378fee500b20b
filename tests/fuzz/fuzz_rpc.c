/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client sends to the control socket: the server with toy methods, reader, parser and
 * dispatcher, in this process. The first byte says how large the pieces are that it comes in. No
 * report of sanitizers, and every line that comes back is JSON-RPC.
 */
#include <stdlib.h>
#include <string.h>

#include "toys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer_check(const char *line)
{
	json_t *answer = json_loads(line, 0, NULL);
	const json_t *one = json_is_array(answer) ? json_array_get(answer, 0) : answer;
	const char *version = json_string_value(json_object_get(one, "jsonrpc"));

	if (!version || strcmp(version, "2.0") != 0)
		abort();
	json_decref(answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char last[] = "\n{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"\"}";
	size_t piece = size ? (size_t)data[0] + 1 : 1, at = 1;
	struct toy_client c;
	struct toy toy;
	char *line;

	toy_open(&toy, NULL, NULL);
	toy_connect(&c, &toy, size && data[0] % 2);
	while (at < size && !c.closed) {
		size_t n = piece < size - at ? piece : size - at;

		if (!toy_send(&c, (const char *)data + at, n))
			break;
		at += n;
	}
	/* whatever it was, a call after it is answered, or the client cut off */
	for (line = toy_ask(&c, last); line && !strstr(line, "\"id\":\"last\"}");
		line = toy_line(&c)) {
		answer_check(line);
		free(line);
	}
	if (!line && !c.closed)
		abort();
	free(line);
	if (toy.in_change)
		abort();
	toy_disconnect(&c);
	toy_close(&toy);
	return 0;
}
