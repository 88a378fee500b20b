/* SPDX-License-Identifier: BSD-3-Clause */
#include "seq_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seqfile.h"
#include "unit.h"

/* of the test that runs */
static char dir[64], file[96];

const char *
seq_dir(void)
{
	return dir;
}

const char *
seq_path(void)
{
	return file;
}

int
claim_any(struct seq_state *s, const uint8_t *key, uint64_t wanted, bool esn, bool static_key,
	struct claim *c, struct error *err)
{
	int rc;

	memset(c, 0, sizeof(*c));
	rc = seq_state_claim(
		s, key, 36, wanted, esn, static_key, &c->sa.state, &c->next, &c->limit, err);
	if (rc == 0) {
		seq_state_start(c->sa.state, &c->sa.hot);
		seq_state_register(s, &c->sa);
		rc = seq_state_sync(s, err);
	}
	return rc;
}

void
claim_ok(struct seq_state *s, const uint8_t *key, struct claim *c)
{
	struct error err = {""};

	if (claim_any(s, key, 0, false, true, c, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(c->next < c->limit);
	assert_true(c->sa.hot.seq_next == c->next && c->sa.hot.seq_limit == c->limit);
}

struct seq_state *
open_ok(void)
{
	struct error err = {""};
	struct seq_state *s = seq_state_open(dir, &err);

	if (s == NULL)
		fail_msg("%s", err.text);
	return s;
}

void
open_refused(const char *message)
{
	struct error err = {""};

	assert_null(seq_state_open(dir, &err));
	if (strstr(err.text, message) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", err.text, message);
}

/* The end of what record 0 or 1 has reserved, as it stands in the file. */
uint64_t
reserved_in_file(unsigned record)
{
	struct seq_record r;
	int fd = open(file, O_RDONLY);

	assert_int_equal(
		pread(fd, &r, sizeof(r), SEQ_FILE_HEADER_BYTES + (off_t)(record * sizeof(r))),
		sizeof(r));
	close(fd);
	return r.reserved;
}

int
seq_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	char made[48];

	(void)state;
	snprintf(made, sizeof(made), "%s/espgw-seq-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(made) == NULL)
		return -1;
	snprintf(dir, sizeof(dir), "%s/state", made);
	snprintf(file, sizeof(file), "%s/sequence", dir);
	return 0;
}

int
seq_teardown(void **state)
{
	(void)state;
	unlink(file);
	if (rmdir(dir) != 0)
		return -1;
	*strrchr(dir, '/') = '\0';
	return rmdir(dir);
}
