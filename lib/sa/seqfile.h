/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SEQFILE_H
#define SEQFILE_H

/*
 * The mapped file behind seqstate.h: a header page and 64-byte records. What is written to the
 * mapping outlives the process; what must outlive the machine is synced.
 */

#include <stddef.h>
#include <stdint.h>

#include "errmsg.h"

enum {
	SEQ_FILE_VERSION = 1,
	SEQ_FILE_RECORDS = 1 << 20,
	SEQ_FILE_HEADER_BYTES = 4096,
	SEQ_FILE_SALT_BYTES = 32,
	SEQ_FILE_DIGEST_BYTES = 32,
};

struct seq_header {
	char magic[8];
	uint32_t version;
	uint32_t records; /* the file's capacity */
	uint8_t salt[SEQ_FILE_SALT_BYTES];
	uint32_t used; /* records that have ever been used; written after the record */
};

enum seq_record_state { SEQ_RECORD_FREE, SEQ_RECORD_USED };

enum { SEQ_RECORD_STATIC = 1 }; /* flag: the key comes back after a reboot */

struct seq_record {
	uint8_t fingerprint[SEQ_FILE_DIGEST_BYTES];
	uint64_t reserved; /* the first number that is not; written in one store */
	uint32_t flags;
	uint32_t state; /* enum seq_record_state; written last */
	uint8_t unused[16];
};

_Static_assert(sizeof(struct seq_record) == 64, "a record must not cross a sector");

struct seq_file {
	int dir_fd; /* locked */
	struct seq_header *header;
	struct seq_record *records;
	int fd;
};

/* Opens or makes DIR/sequence, maps and locks it. 0 or -errno with err. */
int seq_file_open(struct seq_file *f, const char *dir, struct error *err);
void seq_file_close(struct seq_file *f);

/* Waits until the bytes are on the disk. 0 or -errno. */
int seq_file_sync(const void *at, size_t bytes);

/* Makes sure that record `index` has its place on the disk, so that writing to the mapping cannot
 * fail. 0 or -errno. */
int seq_file_room(const struct seq_file *f, uint32_t index);

#endif
