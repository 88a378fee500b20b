/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "frag.h"
#include "ip.h"
#include "parse.h"

enum {
	PARTS_MAX = FRAG_MAX - 1, /* with the one that is too many they fill dead[] */
	PARTS_AVERAGE = 8,        /* over all packets: bounds the mbufs that wait here */
	V6_FRAGMENT_HEADER = 8,
	V6_NEXT_AT = offsetof(struct rte_ipv6_hdr, proto),
};

/*
 * RFC 791: source, destination, protocol, ID. RFC 8200: without the protocol, which is 0 here. And
 * where it came from: what was decrypted never completes what came in the clear, or through another
 * tunnel.
 */
struct key {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint32_t family_protocol;
	uint32_t zone_table, tunnel;
};

struct part {
	struct rte_mbuf *m;
	uint16_t offset, length; /* of the payload that it carries */
	uint16_t header;         /* bytes before the payload */
};

/* A packet under reassembly, or (refused) one whose further fragments are not wanted. */
struct entry {
	TAILQ_ENTRY(entry) by_age;
	LIST_ENTRY(entry) in_bucket;
	struct key key;
	uint64_t start_tsc;
	uint32_t total; /* length of the payload; 0 until the last part is here */
	uint32_t have;
	uint16_t n;
	uint32_t segments; /* mbufs in its parts */
	uint8_t ecn_seen;  /* a bit for each ECN field */
	bool refused;
	struct part parts[PARTS_MAX]; /* by offset, without overlap */
};

TAILQ_HEAD(entry_list, entry);
LIST_HEAD(bucket, entry);

struct reassembly {
	uint64_t timeout_tsc;
	uint32_t seed;
	uint32_t bucket_mask;
	struct reassembly_usage usage;
	struct bucket *buckets;
	struct entry *entries;
	struct entry_list unused;
	struct entry_list waiting; /* oldest first */
};

/* What a fragment's headers say. */
struct fragment {
	struct key key;
	struct part part;
	bool more;
};

struct reassembly *
reassembly_create(uint32_t max_packets, uint64_t timeout_ns, int socket)
{
	uint32_t buckets = rte_align32pow2(RTE_MAX(max_packets, 1u));
	struct reassembly *r = rte_zmalloc_socket("reassembly", sizeof(*r), 0, socket);

	if (!r)
		return NULL;
	r->buckets = rte_zmalloc_socket("reassembly", buckets * sizeof(*r->buckets), 0, socket);
	r->entries = rte_zmalloc_socket("reassembly", max_packets * sizeof(*r->entries), 0, socket);
	if (!r->buckets || !r->entries) {
		rte_free(r->buckets);
		rte_free(r->entries);
		rte_free(r);
		return NULL;
	}
	r->timeout_tsc = timeout_ns / 1000 * rte_get_tsc_hz() / 1000000;
	r->seed = rte_rand();
	r->bucket_mask = buckets - 1;
	r->usage.mbufs_max = RTE_MAX(max_packets * PARTS_AVERAGE, (uint32_t)PARTS_MAX);
	r->usage.packets_max = max_packets;
	TAILQ_INIT(&r->unused);
	TAILQ_INIT(&r->waiting);
	for (uint32_t i = 0; i < max_packets; i++)
		TAILQ_INSERT_TAIL(&r->unused, &r->entries[i], by_age);
	return r;
}

void
reassembly_destroy(struct reassembly *r)
{
	if (!r)
		return;
	reassembly_flush(r);
	rte_free(r->buckets);
	rte_free(r->entries);
	rte_free(r);
}

static void
read_v4(struct rte_mbuf *m, struct fragment *f)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);

	memcpy(f->key.src, &ip->src_addr, 4);
	memcpy(f->key.dst, &ip->dst_addr, 4);
	f->key.id = ip->packet_id;
	f->key.family_protocol = 4 << 8 | ip->next_proto_id;
	f->more = field & RTE_IPV4_HDR_MF_FLAG;
	f->part.offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8;
	f->part.header = pkt(m)->l4_offset;
}

/* Where the next header field is that says "fragment". The parser has found the header. */
static uint16_t
find_fragment_v6(const uint8_t *data)
{
	uint16_t next_at = V6_NEXT_AT, offset = sizeof(struct rte_ipv6_hdr);

	while (data[next_at] != IPPROTO_FRAGMENT) {
		next_at = offset;
		offset += (data[offset + 1] + 1) * 8;
	}
	return next_at;
}

/* The offset of the header that follows the one whose next header field is at next_at. */
static uint16_t
header_after_v6(const uint8_t *data, uint16_t next_at)
{
	if (next_at == V6_NEXT_AT)
		return sizeof(struct rte_ipv6_hdr);
	return next_at + (data[next_at + 1] + 1) * 8;
}

static void
read_v6(struct rte_mbuf *m, struct fragment *f)
{
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)data;
	uint16_t at = header_after_v6(data, find_fragment_v6(data));
	struct rte_ipv6_fragment_ext extension;
	uint16_t field;

	memcpy(&extension, data + at, sizeof(extension));
	field = rte_be_to_cpu_16(extension.frag_data);
	memcpy(f->key.src, ip->src_addr, 16);
	memcpy(f->key.dst, ip->dst_addr, 16);
	f->key.id = extension.id;
	f->key.family_protocol = 6 << 8;
	f->more = field & 1;
	f->part.offset = field & ~7;
	f->part.header = at + sizeof(extension);
}

static struct fragment
read_fragment(struct rte_mbuf *m)
{
	struct fragment f = {.part.m = m};
	const struct pkt *p = pkt(m);

	f.key.zone_table = (uint32_t)p->zone << 16 | p->table;
	f.key.tunnel = p->flags & PKT_DECRYPTED ? p->tunnel + 1 : 0;
	if (p->family == 4)
		read_v4(m, &f);
	else
		read_v6(m, &f);
	f.part.length = m->pkt_len - f.part.header;
	return f;
}

static struct bucket *
bucket_of(struct reassembly *r, const struct key *key)
{
	return &r->buckets[rte_jhash(key, sizeof(*key), r->seed) & r->bucket_mask];
}

static struct entry *
find(struct reassembly *r, const struct key *key)
{
	struct entry *e;

	LIST_FOREACH (e, bucket_of(r, key), in_bucket) {
		if (memcmp(&e->key, key, sizeof(*key)) == 0)
			return e;
	}
	return NULL;
}

static bool
is_expired(const struct reassembly *r, const struct entry *e, uint64_t now_tsc)
{
	return now_tsc - e->start_tsc >= r->timeout_tsc;
}

/* The entry's parts to dead[], the entry to the unused ones. */
static void
bury_parts(struct reassembly *r, struct entry *e, struct rte_mbuf *dead[FRAG_MAX],
	uint16_t *dead_count)
{
	for (uint16_t i = 0; i < e->n; i++)
		dead[(*dead_count)++] = e->parts[i].m;
	r->usage.mbufs -= e->segments;
	e->segments = 0;
	e->n = 0;
}

static void
release(struct reassembly *r, struct entry *e)
{
	r->usage.mbufs -= e->segments;
	e->segments = 0;
	LIST_REMOVE(e, in_bucket);
	TAILQ_REMOVE(&r->waiting, e, by_age);
	TAILQ_INSERT_HEAD(&r->unused, e, by_age);
	r->usage.packets--;
}

/* A new entry, by the death of the oldest when that one's time is over. NULL: no room. */
static struct entry *
take_entry(struct reassembly *r, const struct key *key, uint64_t now_tsc,
	struct rte_mbuf *dead[FRAG_MAX], uint16_t *dead_count)
{
	struct entry *e = TAILQ_FIRST(&r->waiting);

	if (r->usage.mbufs >= r->usage.mbufs_max || TAILQ_EMPTY(&r->unused)) {
		/* one place in dead[] stays for the fragment itself */
		if (!e || !is_expired(r, e, now_tsc) || *dead_count + e->n >= FRAG_MAX)
			return NULL;
		bury_parts(r, e, dead, dead_count);
		release(r, e);
		/* a refused one had nothing to give */
		if (r->usage.mbufs >= r->usage.mbufs_max)
			return NULL;
	}
	e = TAILQ_FIRST(&r->unused);
	TAILQ_REMOVE(&r->unused, e, by_age);
	TAILQ_INSERT_TAIL(&r->waiting, e, by_age);
	r->usage.packets++;
	LIST_INSERT_HEAD(bucket_of(r, key), e, in_bucket);
	e->key = *key;
	e->start_tsc = now_tsc;
	e->total = 0;
	e->have = 0;
	e->n = 0;
	e->segments = 0;
	e->ecn_seen = 0;
	e->refused = false;
	return e;
}

enum verdict { PART_NEW, PART_AGAIN, PART_WRONG };

/* Where the part goes among the others, or that it does not fit them. */
static enum verdict
judge(const struct entry *e, const struct fragment *f, uint16_t *index)
{
	uint32_t end = f->part.offset + f->part.length, last_end = 0;
	uint16_t i = e->n;

	/* From the end: parts mostly come in order. */
	while (i > 0 && e->parts[i - 1].offset > f->part.offset)
		i--;
	*index = i;
	if (e->n > 0)
		last_end = e->parts[e->n - 1].offset + e->parts[e->n - 1].length;
	if (i > 0) {
		const struct part *before = &e->parts[i - 1];

		if (before->offset == f->part.offset && before->length == f->part.length &&
			f->more == (e->total != end))
			return PART_AGAIN;
		if (before->offset + before->length > f->part.offset)
			return PART_WRONG;
	}
	if (i < e->n && end > e->parts[i].offset)
		return PART_WRONG;
	if (f->more ? e->total && end >= e->total : e->total || end < last_end)
		return PART_WRONG;
	return e->n == PARTS_MAX ? PART_WRONG : PART_NEW;
}

static void
insert(struct reassembly *r, struct entry *e, const struct fragment *f, uint16_t index)
{
	memmove(&e->parts[index + 1], &e->parts[index], (e->n - index) * sizeof(e->parts[0]));
	e->parts[index] = f->part;
	e->n++;
	e->segments += f->part.m->nb_segs;
	r->usage.mbufs += f->part.m->nb_segs;
	e->have += f->part.length;
	e->ecn_seen |= 1 << (pkt(f->part.m)->tos & 3);
	if (!f->more)
		e->total = f->part.offset + f->part.length;
}

/* Makes the headers of m, the first fragment with all the payload, those of a whole packet. */
static void
finish_v4(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, struct rte_ipv4_hdr *);

	ip->total_length = rte_cpu_to_be_16(m->pkt_len);
	ip->fragment_offset &= rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void
finish_v6(struct rte_mbuf *m)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t next_at = find_fragment_v6(data), at = header_after_v6(data, next_at);
	struct rte_ipv6_hdr *ip;

	data[next_at] = data[at];
	memmove(data + V6_FRAGMENT_HEADER, data, at);
	pkt_trim_front(&m, V6_FRAGMENT_HEADER);
	ip = rte_pktmbuf_mtod(m, struct rte_ipv6_hdr *);
	ip->payload_len = rte_cpu_to_be_16(m->pkt_len - sizeof(*ip));
}

/* RFC 3168 5.3: CE of one fragment is CE of the packet, and cannot be beside Not-ECT. */
static bool
finish_ecn(struct rte_mbuf *m, uint8_t ecn_seen)
{
	enum { NOT_ECT_SEEN = 1 << 0, CE_SEEN = 1 << 3 };

	if (!(ecn_seen & CE_SEEN))
		return true;
	if (ecn_seen & NOT_ECT_SEEN)
		return false;
	ip_ecn_set(m, 3);
	return true;
}

/* The whole packet as one chain, its headers still those of the first fragment. */
static struct rte_mbuf *
chain_parts(struct entry *e)
{
	struct rte_mbuf *head = e->parts[0].m, *last = rte_pktmbuf_lastseg(head);

	for (uint16_t i = 1; i < e->n; i++) {
		struct rte_mbuf *m = e->parts[i].m;

		pkt_trim_front(&m, e->parts[i].header);
		last->next = m;
		last = rte_pktmbuf_lastseg(m);
		head->nb_segs += m->nb_segs;
		head->pkt_len += m->pkt_len;
		m->nb_segs = 1;
		m->pkt_len = m->data_len;
	}
	return head;
}

/* DROP_NONE when m is a whole, parsed packet now. */
static enum drop_reason
finish(struct rte_mbuf *m, const struct pkt *view, uint8_t ecn_seen)
{
	enum drop_reason why;
	bool v4 = pkt(m)->family == 4;

	if (m->pkt_len - (v4 ? 0 : sizeof(struct rte_ipv6_hdr) + V6_FRAGMENT_HEADER) > UINT16_MAX)
		return DROP_reassembly_bad;
	if (v4)
		finish_v4(m);
	else
		finish_v6(m);
	*pkt(m) = *view;
	pkt(m)->flags &= ~PKT_CHECKSUM_GOOD; /* that was about a fragment */
	why = parse_ip(m);
	if (why != DROP_NONE)
		return why;
	pkt(m)->flags |= PKT_REASSEMBLED;
	return finish_ecn(m, ecn_seen) ? DROP_NONE : DROP_reassembly_bad;
}

/* RFC 6946: an IPv6 packet in one fragment has nothing to do with others of its ID. */
static bool
is_atomic(const struct fragment *f)
{
	return f->part.offset == 0 && !f->more;
}

static struct rte_mbuf *
finish_or_bury(struct rte_mbuf *m, const struct pkt *view, uint8_t ecn_seen,
	struct rte_mbuf *dead[FRAG_MAX], uint16_t *dead_count, enum drop_reason *why)
{
	enum drop_reason bad = finish(m, view, ecn_seen);

	if (bad == DROP_NONE)
		return m;
	*why = bad;
	dead[(*dead_count)++] = m;
	return NULL;
}

struct rte_mbuf *
reassembly_add(struct reassembly *r, struct rte_mbuf *m, uint64_t now_tsc,
	struct rte_mbuf *dead[FRAG_MAX], uint16_t *dead_count, enum drop_reason *why)
{
	const struct fragment f = read_fragment(m);
	const struct pkt view = *pkt(m);
	enum verdict verdict = PART_WRONG;
	struct entry *e;
	uint16_t index = 0;
	uint8_t ecn_seen;

	*dead_count = 0;
	r->usage.fragments++;
	if (is_atomic(&f))
		return finish_or_bury(m, &view, 0, dead, dead_count, why);
	*why = DROP_reassembly_timeout;
	e = find(r, &f.key);
	if (e && is_expired(r, e, now_tsc)) {
		bury_parts(r, e, dead, dead_count);
		release(r, e);
		e = NULL;
	}
	if (e && !e->refused && r->usage.mbufs < r->usage.mbufs_max) {
		verdict = judge(e, &f, &index);
	} else if (!e) {
		e = take_entry(r, &f.key, now_tsc, dead, dead_count);
		verdict = PART_NEW;
	}
	if (e && verdict == PART_NEW) {
		insert(r, e, &f, index);
		if (e->have != e->total)
			return NULL;
		m = chain_parts(e);
		ecn_seen = e->ecn_seen;
		release(r, e);
		r->usage.completed++;
		return finish_or_bury(m, &view, ecn_seen, dead, dead_count, why);
	}
	*why = DROP_reassembly_bad;
	if (e && verdict == PART_WRONG) {
		/* RFC 5722: with the parts that are still to come. */
		bury_parts(r, e, dead, dead_count);
		e->refused = true;
	}
	dead[(*dead_count)++] = m;
	return NULL;
}

void
reassembly_age(struct reassembly *r, uint64_t now_tsc, struct rte_mbuf *dead[FRAG_MAX],
	uint16_t *dead_count)
{
	struct entry *e;

	*dead_count = 0;
	while ((e = TAILQ_FIRST(&r->waiting)) && is_expired(r, e, now_tsc) &&
		*dead_count + e->n <= FRAG_MAX) {
		bury_parts(r, e, dead, dead_count);
		release(r, e);
	}
}

const struct reassembly_usage *
reassembly_usage(const struct reassembly *r)
{
	return &r->usage;
}

uint32_t
reassembly_flush(struct reassembly *r)
{
	struct entry *e;
	uint32_t n = 0;

	while ((e = TAILQ_FIRST(&r->waiting))) {
		for (uint16_t i = 0; i < e->n; i++)
			rte_pktmbuf_free(e->parts[i].m);
		n += e->n;
		release(r, e);
	}
	return n;
}
