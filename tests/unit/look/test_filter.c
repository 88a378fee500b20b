/* SPDX-License-Identifier: BSD-3-Clause */
/* What a header says, read from packets as they are on the wire, and which filters it meets. */
#include <netinet/in.h>
#include <string.h>

#include "filter.h"
#include "unit.h"

/* 192.0.2.1 > 198.51.100.2 and 2001:db8::1 > 2001:db8::2 */
#define V4(flags, offset, proto)                                                                   \
	0x45, 0xb8, 0, 100, 0, 1, flags, offset, 61, proto, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2
#define V6(proto)                                                                                  \
	0x60, 0, 0, 0, 0, 60, proto, 61, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  \
		0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2
#define PORTS 0x03, 0xe8, 0x11, 0x94 /* 1000, 4500 */
#define SPI 0, 0, 0x20, 1, 0, 0, 0, 7

struct header_row {
	const char *what;
	uint8_t bytes[100];
	uint32_t n;
	struct look_header is;
};

#define IS(f, p) .family = f, .proto = p, .ttl = 61
static const struct header_row headers[] = {
	{"UDP", {V4(0x40, 0, IPPROTO_UDP), PORTS}, 100,
		{IS(4, IPPROTO_UDP), .src_port = 1000, .dst_port = 4500, .esp = true}},
	{"UDP with ESP", {V4(0, 0, IPPROTO_UDP), PORTS, 0, 0, 0, 0, SPI}, 100,
		{IS(4, IPPROTO_UDP), .src_port = 1000, .dst_port = 4500, .esp = true, .spi = 0x2001,
			.sequence = 7}},
	{"ESP", {V4(0, 0, IPPROTO_ESP), SPI}, 100,
		{IS(4, IPPROTO_ESP), .esp = true, .spi = 0x2001, .sequence = 7}},
	{"ESP, cut off", {V4(0, 0, IPPROTO_ESP), SPI}, 26, {IS(4, IPPROTO_ESP)}},
	{"first fragment", {V4(0x20, 0, IPPROTO_TCP), PORTS}, 100,
		{IS(4, IPPROTO_TCP), .fragment = true, .src_port = 1000, .dst_port = 4500}},
	{"later fragment", {V4(0, 9, IPPROTO_TCP), PORTS}, 100,
		{IS(4, IPPROTO_TCP), .fragment = true, .later_fragment = true}},
	{"ICMP", {V4(0, 0, IPPROTO_ICMP), 3, 13, 0, 0}, 100,
		{IS(4, IPPROTO_ICMP), .icmp_type = 3, .icmp_code = 13}},
	{"IPv6", {V6(IPPROTO_UDP), 0, 53, 0, 54}, 100,
		{IS(6, IPPROTO_UDP), .src_port = 53, .dst_port = 54}},
	{"IPv6, options", {V6(0), IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 0, 0, 53, 0, 54}, 100,
		{IS(6, IPPROTO_UDP), .src_port = 53, .dst_port = 54}},
	{"IPv6, later fragment", {V6(44), IPPROTO_UDP, 0, 0, 8, 0, 0, 0, 0, 0, 53, 0, 54}, 100,
		{IS(6, IPPROTO_UDP), .fragment = true, .later_fragment = true}},
	{"IPv6, ends in an extension", {V6(0), 60, 9}, 50, {IS(6, 60)}},
	{"no version", {0x75}, 100, {0}},
	{"nothing", {0}, 0, {0}},
	{"half a header", {V4(0, 0, IPPROTO_UDP)}, 19, {0}},
};

static struct rte_mbuf
packet(const uint8_t *bytes, uint32_t n)
{
	return (struct rte_mbuf){.buf_addr = (void *)(uintptr_t)bytes,
		.buf_len = 100,
		.nb_segs = 1,
		.data_len = (uint16_t)n,
		.pkt_len = n};
}

static struct look_header
read_row(const struct header_row *row)
{
	static uint64_t udp_ports[65536 / 64];
	const struct rte_mbuf m = packet(row->bytes, row->n);

	udp_ports[4500 / 64] = UINT64_C(1) << (4500 % 64);
	return look_header_read(&m, 0, udp_ports);
}

static void
test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(headers); i++) {
		const struct look_header h = read_row(&headers[i]), *is = &headers[i].is;
		/* "UDP" has zeros where an SPI would be: it is no ESP */
		const bool esp = is->esp && is->spi;

		if (h.family != is->family || h.proto != is->proto || h.ttl != is->ttl ||
			h.fragment != is->fragment || h.later_fragment != is->later_fragment ||
			h.src_port != is->src_port || h.dst_port != is->dst_port ||
			h.icmp_type != is->icmp_type || h.icmp_code != is->icmp_code ||
			h.esp != esp || h.spi != is->spi || h.sequence != is->sequence ||
			h.bytes != headers[i].n)
			fail_msg("%s", headers[i].what);
	}
}

struct filter_row {
	const char *what, *source, *destination, *address;
	struct look_filter filter;
	uint32_t met; /* rows of headers, as bits */
	uint8_t conditions;
};

#define ANY .protocol = LOOK_ANY, .drop = LOOK_ANY
#define ALL ((1u << RTE_DIM(headers)) - 1)
#define V4_ROWS 0x7fu
#define V6_ROWS 0x780u

static const struct filter_row filters[] = {
	{"all", NULL, NULL, NULL, {ANY}, ALL, 0},
	{"source", "192.0.2.0/24", NULL, NULL, {ANY}, V4_ROWS, LOOK_HEADER},
	{"source IPv6", "2001:db8::1", NULL, NULL, {ANY}, V6_ROWS, LOOK_HEADER},
	{"destination", NULL, "198.51.100.2", NULL, {ANY}, V4_ROWS, LOOK_HEADER},
	{"the wrong way", "198.51.100.2", NULL, NULL, {ANY}, 0, LOOK_HEADER},
	{"either way", NULL, NULL, "198.51.100.2", {ANY}, V4_ROWS, LOOK_HEADER},
	{"either way", NULL, NULL, "192.0.2.1", {ANY}, V4_ROWS, LOOK_HEADER},
	{"any of IPv6", NULL, NULL, "::/0", {ANY}, V6_ROWS, LOOK_HEADER},
	{"protocol", NULL, NULL, NULL, {.protocol = IPPROTO_ESP, .drop = LOOK_ANY}, 0x0c,
		LOOK_HEADER},
	{"source port", NULL, NULL, NULL, {ANY, .source_port = 1000}, 0x13, LOOK_HEADER},
	{"destination port", NULL, NULL, NULL, {ANY, .destination_port = 54}, 0x180, LOOK_HEADER},
	{"port", NULL, NULL, NULL, {ANY, .port = 53}, 0x180, LOOK_HEADER},
	{"both ports", NULL, NULL, NULL, {ANY, .source_port = 1000, .port = 4500}, 0x13,
		LOOK_HEADER},
	{"port, the wrong way", NULL, NULL, NULL, {ANY, .source_port = 4500}, 0, LOOK_HEADER},
	{"SPI alone", NULL, NULL, NULL, {ANY, .spi = 0x2001}, ALL, LOOK_SPI},
	{"reason alone", NULL, NULL, NULL, {.protocol = LOOK_ANY, .drop = DROP_icv}, ALL,
		LOOK_DROP},
};

static void
prefix(const char *text, struct ip_prefix *out)
{
	if (text)
		assert_int_equal(ip_prefix_parse(text, out), 0);
}

static void
test_filters(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(filters); i++) {
		struct look_filter filter = filters[i].filter;
		uint32_t met = 0;

		prefix(filters[i].source, &filter.source);
		prefix(filters[i].destination, &filter.destination);
		prefix(filters[i].address, &filter.address);
		for (size_t k = 0; k < RTE_DIM(headers); k++) {
			const struct look_header h = read_row(&headers[k]);

			met |= (uint32_t)look_filter_header(&filter, &h) << k;
		}
		if (met != filters[i].met ||
			look_filter_conditions(&filter) != filters[i].conditions)
			fail_msg("%s: %x, not %x", filters[i].what, met, filters[i].met);
	}
}

static void
test_reasons(void **state)
{
	struct look_filter filter = look_filter_all();

	(void)state;
	assert_true(look_filter_drop(&filter, DROP_icv));
	filter.drop = DROP_icv;
	assert_true(look_filter_drop(&filter, DROP_icv));
	assert_false(look_filter_drop(&filter, DROP_zone));
	filter.drop = LOOK_DROP_ANY_REASON;
	assert_true(look_filter_drop(&filter, DROP_zone));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
