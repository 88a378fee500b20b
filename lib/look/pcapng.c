/* SPDX-License-Identifier: BSD-3-Clause */
#include "pcapng.h"

#include <string.h>

enum block_type {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
};

enum option_code {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_DESCRIPTION = 3,
	INTERFACE_RESOLUTION = 9,
	PACKET_FLAGS = 2,
	STATISTICS_START = 2,
	STATISTICS_END = 3,
	STATISTICS_RECEIVED = 4,
	STATISTICS_DROPPED = 5,
};

enum {
	MAGIC = 0x1a2b3c4d,
	RESOLUTION_NS = 9,     /* 10^-9 seconds */
	OPTION_LENGTH = 65535, /* at most */
	OPTIONS_MAX = 6,
};

struct option {
	uint16_t code;
	uint16_t length;
	const void *value;
};

/* A block: a head of fixed fields, perhaps a packet's bytes, options. */
struct block {
	uint32_t type;
	const void *head;
	uint32_t head_bytes;
	const void *data;
	uint32_t data_bytes;
	struct option options[OPTIONS_MAX];
	uint32_t n;
};

static uint32_t
padded(uint32_t n)
{
	return (n + 3) & ~3u;
}

static void
write_padded(FILE *out, const void *bytes, uint32_t n)
{
	static const uint8_t zeros[4];

	if (n)
		fwrite(bytes, 1, n, out);
	fwrite(zeros, 1, padded(n) - n, out);
}

static void
option_add(struct block *b, uint16_t code, const void *value, size_t length)
{
	b->options[b->n++] = (struct option){
		code, (uint16_t)(length < OPTION_LENGTH ? length : OPTION_LENGTH), value};
}

static void
option_text(struct block *b, uint16_t code, const char *text)
{
	if (text && *text)
		option_add(b, code, text, strlen(text));
}

static uint64_t
block_write(FILE *out, const struct block *b)
{
	const struct option end = {.code = OPTION_END};
	uint32_t total = 12 + b->head_bytes + padded(b->data_bytes);

	for (uint32_t i = 0; i < b->n; i++)
		total += 4 + padded(b->options[i].length);
	total += b->n ? 4 : 0;
	fwrite(&b->type, sizeof(b->type), 1, out);
	fwrite(&total, sizeof(total), 1, out);
	fwrite(b->head, 1, b->head_bytes, out);
	write_padded(out, b->data, b->data_bytes);
	for (uint32_t i = 0; i < b->n; i++) {
		fwrite(&b->options[i], 4, 1, out); /* code and length */
		write_padded(out, b->options[i].value, b->options[i].length);
	}
	if (b->n)
		fwrite(&end, 4, 1, out);
	fwrite(&total, sizeof(total), 1, out);
	return total;
}

uint64_t
pcapng_section(FILE *out, const char *application, const char *comment)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t length; /* -1: not known */
	} head = {MAGIC, 1, 0, -1};
	struct block b = {.type = BLOCK_SECTION, .head = &head, .head_bytes = sizeof(head)};

	option_text(&b, SECTION_APPLICATION, application);
	option_text(&b, OPTION_COMMENT, comment);
	return block_write(out, &b);
}

uint64_t
pcapng_interface(
	FILE *out, enum pcapng_link link, const char *name, const char *description, uint32_t snap)
{
	const uint8_t resolution = RESOLUTION_NS;
	const struct {
		uint16_t link, reserved;
		uint32_t snap;
	} head = {(uint16_t)link, 0, snap};
	struct block b = {.type = BLOCK_INTERFACE, .head = &head, .head_bytes = sizeof(head)};

	option_text(&b, INTERFACE_NAME, name);
	option_text(&b, INTERFACE_DESCRIPTION, description);
	option_add(&b, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	return block_write(out, &b);
}

uint64_t
pcapng_write(FILE *out, const struct pcapng_packet *p)
{
	const uint32_t head[] = {p->interface, (uint32_t)((uint64_t)p->ns >> 32), (uint32_t)p->ns,
		p->captured, p->length};
	const uint32_t flags = p->direction;
	struct block b = {.type = BLOCK_PACKET,
		.head = head,
		.head_bytes = sizeof(head),
		.data = p->bytes,
		.data_bytes = p->captured};

	if (flags)
		option_add(&b, PACKET_FLAGS, &flags, sizeof(flags));
	option_text(&b, OPTION_COMMENT, p->comment);
	return block_write(out, &b);
}

uint64_t
pcapng_statistics(FILE *out, const struct pcapng_statistics *s)
{
	const uint32_t start[] = {(uint32_t)((uint64_t)s->start_ns >> 32), (uint32_t)s->start_ns};
	const uint32_t end[] = {(uint32_t)((uint64_t)s->end_ns >> 32), (uint32_t)s->end_ns};
	const uint32_t head[] = {s->interface, end[0], end[1]};
	struct block b = {.type = BLOCK_STATISTICS, .head = head, .head_bytes = sizeof(head)};

	option_add(&b, STATISTICS_START, start, sizeof(start));
	option_add(&b, STATISTICS_END, end, sizeof(end));
	option_add(&b, STATISTICS_RECEIVED, &s->received, sizeof(s->received));
	option_add(&b, STATISTICS_DROPPED, &s->dropped, sizeof(s->dropped));
	return block_write(out, &b);
}
