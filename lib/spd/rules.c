/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

enum {
	WORDS_MAX = 4,
	BOXES_MAX = 2 * (WORDS_MAX - 1) + 1,
};

static unsigned int
words_of(uint8_t family)
{
	return family == 4 ? 1 : WORDS_MAX;
}

static struct rte_acl_field_def
field(uint8_t index, uint8_t input, uint8_t type, size_t size, size_t offset)
{
	return (struct rte_acl_field_def){.type = type,
		.size = (uint8_t)size,
		.field_index = index,
		.input_index = input,
		.offset = (uint32_t)offset};
}

void
spd_rules_config(uint8_t family, struct rte_acl_config *config)
{
	static const size_t sides[] = {
		offsetof(struct spd_key, local), offsetof(struct spd_key, remote)};
	struct rte_acl_field_def *def = config->defs;
	uint8_t n = 0, input = 0;

	memset(config, 0, sizeof(*config));
	config->num_categories = 1;
	def[n] = field(n, input++, RTE_ACL_FIELD_TYPE_BITMASK, 1, 0);
	n++;
	for (size_t side = 0; side < RTE_DIM(sides); side++) {
		for (unsigned int w = 0; w < words_of(family); w++, n++)
			def[n] = field(n, input++, RTE_ACL_FIELD_TYPE_RANGE, sizeof(uint32_t),
				sides[side] + w * sizeof(uint32_t));
	}
	def[n] = field(n, input, RTE_ACL_FIELD_TYPE_RANGE, sizeof(uint16_t),
		offsetof(struct spd_key, local_port));
	n++;
	def[n] = field(n, input++, RTE_ACL_FIELD_TYPE_RANGE, sizeof(uint16_t),
		offsetof(struct spd_key, remote_port));
	n++;
	def[n] = field(n, input, RTE_ACL_FIELD_TYPE_MASK, sizeof(uint32_t),
		offsetof(struct spd_key, has_ports));
	config->num_fields = n + 1u;
}

/* A range of addresses that is a range in each word. Host byte order. */
struct box {
	uint32_t low[WORDS_MAX], high[WORDS_MAX];
};

struct boxes {
	unsigned int n;
	struct box box[BOXES_MAX];
};

static bool
all_are(const uint32_t *words, unsigned int from, unsigned int to, uint32_t value)
{
	while (from < to && words[from] == value)
		from++;
	return from == to;
}

static void
set_all(uint32_t *words, unsigned int from, unsigned int to, uint32_t value)
{
	while (from < to)
		words[from++] = value;
}

/*
 * A range whose ends differ before the last word is no range in each word: it is cut into the
 * addresses that share the first end's word, those that share the last end's, and all between. The
 * words before `at` have one value.
 */
static void
split(struct box range, unsigned int at, unsigned int words, struct boxes *out)
{
	while (at + 1 < words && range.low[at] == range.high[at])
		at++;
	if (!all_are(range.low, at + 1, words, 0)) {
		struct box left = range;

		left.high[at] = left.low[at];
		set_all(left.high, at + 1, words, UINT32_MAX);
		split(left, at + 1, words, out);
		range.low[at]++;
		set_all(range.low, at + 1, words, 0);
	}
	if (!all_are(range.high, at + 1, words, UINT32_MAX)) {
		struct box right = range;

		right.low[at] = right.high[at];
		set_all(right.low, at + 1, words, 0);
		split(right, at + 1, words, out);
		range.high[at]--;
		set_all(range.high, at + 1, words, UINT32_MAX);
	}
	if (range.low[at] <= range.high[at])
		out->box[out->n++] = range;
}

static void
to_boxes(const struct ip_range *range, uint8_t family, struct boxes *out)
{
	struct box box = {0};
	unsigned int words = words_of(family);

	out->n = 0;
	if (range->first.family == 0)
		set_all(box.high, 0, words, UINT32_MAX);
	for (unsigned int w = 0; range->first.family != 0 && w < words; w++) {
		rte_be32_t low, high;

		memcpy(&low, &range->first.bytes[w * 4], 4);
		memcpy(&high, &range->last.bytes[w * 4], 4);
		box.low[w] = rte_be_to_cpu_32(low);
		box.high[w] = rte_be_to_cpu_32(high);
	}
	split(box, 0, words, out);
}

static bool
speaks_of(const struct selector *s, uint8_t family)
{
	return (s->local.first.family == 0 || s->local.first.family == family) &&
	       (s->remote.first.family == 0 || s->remote.first.family == family);
}

static struct rte_acl_field *
put_box(struct rte_acl_field *f, const struct box *box, unsigned int words)
{
	for (unsigned int w = 0; w < words; w++, f++) {
		f->value.u32 = box->low[w];
		f->mask_range.u32 = box->high[w];
	}
	return f;
}

static void
fill_rule(struct spd_rule *rule, const struct selector *s, const struct box *local,
	const struct box *remote, unsigned int words)
{
	struct rte_acl_field *f = rule->field;
	bool ports = selector_has_ports(s);

	f->value.u8 = s->protocol < 0 ? 0 : (uint8_t)s->protocol;
	f->mask_range.u8 = s->protocol < 0 ? 0 : UINT8_MAX;
	f = put_box(f + 1, local, words);
	f = put_box(f, remote, words);
	f->value.u16 = s->local_port.first;
	f++->mask_range.u16 = s->local_port.last;
	f->value.u16 = s->remote_port.first;
	f++->mask_range.u16 = s->remote_port.last;
	f->value.u32 = ports;
	f->mask_range.u32 = ports ? 32 : 0;
}

int
spd_rules_make(const struct selector *selector, uint8_t family,
	const struct rte_acl_rule_data *data, int (*add)(const struct spd_rule *rule, void *arg),
	void *arg)
{
	struct boxes local, remote;
	int ret = 0;

	if (!speaks_of(selector, family))
		return 0;
	to_boxes(&selector->local, family, &local);
	to_boxes(&selector->remote, family, &remote);
	for (unsigned int i = 0; i < local.n * remote.n && ret == 0; i++) {
		struct spd_rule rule = {.data = *data};

		fill_rule(&rule, selector, &local.box[i / remote.n], &remote.box[i % remote.n],
			words_of(family));
		ret = add(&rule, arg);
	}
	return ret;
}

static void
put_ports(struct spd_key *key, const struct pkt *p, bool outbound)
{
	key->local_port = outbound ? p->src_port_be : p->dst_port_be;
	key->remote_port = outbound ? p->dst_port_be : p->src_port_be;
	key->has_ports = 0;
	if (p->flags & PKT_LATER_FRAGMENT)
		return;
	switch (p->proto) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: {
		uint16_t type_code = rte_be_to_cpu_16(p->src_port_be);

		key->local_port = rte_cpu_to_be_16(type_code >> 8);
		key->remote_port = rte_cpu_to_be_16(type_code & 0xff);
		key->has_ports = RTE_BE32(1);
		break;
	}
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		key->has_ports = RTE_BE32(1);
		break;
	default:
		break;
	}
}

void
spd_key_make(struct spd_key *key, const struct rte_mbuf *m, bool outbound)
{
	const struct pkt *p = pkt_const(m);
	rte_be32_t *src = outbound ? key->local : key->remote;
	rte_be32_t *dst = outbound ? key->remote : key->local;

	key->protocol = p->proto;
	if (p->family == 4) {
		const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);

		src[0] = ip->src_addr;
		dst[0] = ip->dst_addr;
	} else {
		const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);

		memcpy(src, ip->src_addr, 16);
		memcpy(dst, ip->dst_addr, 16);
	}
	put_ports(key, p, outbound);
}
