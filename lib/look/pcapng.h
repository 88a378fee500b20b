/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOOK_PCAPNG_H
#define LOOK_PCAPNG_H

/*
 * The blocks of a pcapng file (draft-ietf-opsawg-pcapng) that a capture needs: section, interface,
 * enhanced packet, interface statistics. librte_pcapng of DPDK 22.11 writes no comments and
 * Ethernet only. Each function returns how many bytes it wrote; errors are the FILE's.
 */

#include <stdint.h>
#include <stdio.h>

enum pcapng_link { PCAPNG_ETHERNET = 1, PCAPNG_RAW_IP = 101 };

enum pcapng_direction { PCAPNG_NO_DIRECTION, PCAPNG_INBOUND, PCAPNG_OUTBOUND };

struct pcapng_packet {
	uint32_t interface; /* in the order of pcapng_interface */
	int64_t ns;         /* since 1970 */
	const uint8_t *bytes;
	uint32_t captured, length; /* what is there; what there was */
	enum pcapng_direction direction;
	const char *comment; /* NULL: none */
};

struct pcapng_statistics {
	uint32_t interface;
	int64_t start_ns, end_ns;
	uint64_t received, dropped;
};

uint64_t pcapng_section(FILE *out, const char *application, const char *comment);
uint64_t pcapng_interface(
	FILE *out, enum pcapng_link link, const char *name, const char *description, uint32_t snap);
uint64_t pcapng_write(FILE *out, const struct pcapng_packet *packet);
uint64_t pcapng_statistics(FILE *out, const struct pcapng_statistics *statistics);

#endif
