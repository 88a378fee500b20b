/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONFIG_TEST_H
#define CONFIG_TEST_H

/* Pieces of configurations. A quote is written as ', so that a table of them can be read. */

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "unit.h"

#define LAN                                                                                        \
	"{ device = 'net_pcap0'; name = 'lan'; role = 'protected'; addresses = [ "                 \
	"'192.168.1.1/24', '2001:db8:1::1/64' ]; }"
#define WAN                                                                                        \
	"{ device = 'net_pcap1'; name = 'wan'; role = 'unprotected'; addresses = [ "               \
	"'203.0.113.1/24', '2001:db8:f::1/64' ]; }"
#define PORTS "ports = ( " LAN ", " WAN " );\n"
#define ENDS "local = '203.0.113.1'; remote = '203.0.113.2'; "
#define IPSEC0 "{ name = 'ipsec0'; " ENDS "}"
#define KEY256A "key = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223'; "
#define KEY256B "key = '100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223'; "
#define GCM "algorithm = 'aes-256-gcm'; "
#define TO0 "tunnel = 'ipsec0'; "

/* What a row says, with ' for ". */
static inline const char *
row_text(const char *row, char *buf, size_t bytes)
{
	assert_true(strlen(row) < bytes);
	strcpy(buf, row);
	for (char *p = strchr(buf, '\''); p; p = strchr(p, '\''))
		*p = '"';
	return buf;
}

/* Loads what a row says. */
static inline struct config *
load_row(const char *row, struct report *report)
{
	char text[8192];

	return config_load_string(row_text(row, text, sizeof(text)), "t", report);
}

static inline const char *
report_line(const struct report *report, size_t i, char *buf, size_t bytes)
{
	const struct report_entry *e = &report->entries[i];

	snprintf(buf, bytes, "%s:%d: %s%s%s", e->file, e->line, e->object ? e->object : "",
		e->object ? ": " : "", e->text);
	return buf;
}

#endif
