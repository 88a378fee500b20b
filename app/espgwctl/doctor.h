/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DOCTOR_H
#define DOCTOR_H

/* What an espgw needs of a machine, what is there, and what to do about the difference. */

#include <stdbool.h>
#include <stddef.h>

#include "client.h"

enum doctor_verdict { DOCTOR_OK, DOCTOR_NOTE, DOCTOR_WARN, DOCTOR_BAD };

enum { DOCTOR_TEXT = 320, DOCTOR_FINDINGS = 64, DOCTOR_FILE = 4096 };

struct doctor_finding {
	enum doctor_verdict verdict;
	const char *what; /* "hugepages" */
	char text[DOCTOR_TEXT];
	const char *advice; /* NULL: none needed */
};

struct doctor {
	const char *root; /* before /proc and /sys; "": this machine. Tests have their own */
	struct doctor_finding findings[DOCTOR_FINDINGS];
	size_t count;
};

void doctor_add(struct doctor *d, enum doctor_verdict verdict, const char *what, const char *advice,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The file under root as text without a newline at the end; "" when there is none. Returns buf. */
const char *doctor_read(const struct doctor *d, char buf[DOCTOR_FILE], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the blank-separated list has the word. */
bool doctor_has_word(const char *list, const char *word);

/* --- the checks --- */

void doctor_hugepages(struct doctor *d);
void doctor_memory(struct doctor *d);
void doctor_iommu(struct doctor *d);
void doctor_cpus(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_crypto(struct doctor *d);
void doctor_nics(struct doctor *d);
void doctor_state_dir(struct doctor *d, const char *path);

#endif
