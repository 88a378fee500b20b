/* SPDX-License-Identifier: BSD-3-Clause */

/* Inbound: from the envelope to the inner packet. RFC 4303 3.4, RFC 3884, RFC 4301 5.2. */

#include <netinet/in.h>

#include <rte_esp.h>
#include <rte_prefetch.h>

#include "esp_open.h"
#include "inner.h"
#include "parse.h"
#include "stage.h"

static inline rte_be32_t
esp_spi(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, const struct rte_esp_hdr *, pkt_const(m)->l4_offset)->spi;
}

/* Source and destination, as they lie in an IPv4 header; something of an IPv6 header. */
static inline uint64_t
ip4_addresses(const struct rte_mbuf *m)
{
	uint64_t addresses;

	memcpy(&addresses,
		rte_pktmbuf_mtod_offset(m, void *, offsetof(struct rte_ipv4_hdr, src_addr)),
		sizeof(addresses));
	return addresses;
}

static inline struct sa *
find_sa(const struct worker *w, struct rte_mbuf *m)
{
	const uint8_t family = pkt_const(m)->family;
	const uint8_t *dst = rte_pktmbuf_mtod_offset(m, const uint8_t *,
		family == 4 ? offsetof(struct rte_ipv4_hdr, dst_addr)
			    : offsetof(struct rte_ipv6_hdr, dst_addr));

	return sad_lookup(w->tables->sad, esp_spi(m), family, dst);
}

/* A route said so, or, for a packet that came here without one, the tunnel does. */
static inline bool
is_for_us(const struct tunnel *t, const struct pkt *p)
{
	return p->nexthop != NEXTHOP_ID_NONE || __atomic_load_n(&t->receives, __ATOMIC_RELAXED);
}

/* Whether the envelope came the way its SA's tunnel says. The tunnel's state does not matter
 * inbound, its existence does. */
static inline enum drop_reason
check_binding(const struct tunnel *t, const struct rte_mbuf *m)
{
	if (unlikely(!t))
		return DROP_tunnel_gone;
	if (unlikely((t->carrier == TUNNEL_UDP) != (pkt_const(m)->proto == IPPROTO_UDP)))
		return DROP_esp_carrier;
	if (unlikely(pkt_const(m)->table != t->outer_table || !tunnel_owns_outer(t, m)))
		return DROP_esp_address;
	return DROP_NONE;
}

/*
 * ESP of no SA of ours, or not come the way it should. Without a route it may be somebody else's,
 * that we forward: then its route says.
 */
static __rte_noinline void
refuse(struct worker *w, struct rte_mbuf **pkts, uint16_t n, enum drop_reason why)
{
	if (pkt(pkts[0])->nexthop == NEXTHOP_ID_NONE) {
		stage_again(w, pkts, n);
		return;
	}
	for (uint16_t i = 0; i < n; i++)
		drop(w, pkts[i], why);
}

/* Envelopes whose SA another worker owns: nothing that it writes is touched. */
static __rte_noinline void
hand_over(struct worker *w, const struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		pkt(pkts[i])->nexthop = NEXTHOP_ID_LOCAL;
	worker_hand_over(w, sa->owner, pkts, n, TASK_ESP_IN);
}

/* How many envelopes from the first on came alike, over IPv4: with all that their SA is found by
 * and that is checked of their way. */
static inline uint16_t
came_alike(struct rte_mbuf **pkts, uint16_t n)
{
	const struct pkt *first = pkt(pkts[0]);
	const uint64_t addresses = ip4_addresses(pkts[0]), word1 = first->word1;
	const uint32_t spi = esp_spi(pkts[0]), nexthop = first->nexthop;
	const uint16_t family_proto = pkt_family_proto(first);
	uint16_t same = 1;

	if (unlikely(first->family != 4))
		return 1;
	for (; same < n; same++) {
		const struct pkt *p = pkt(pkts[same]);

		if (p->word1 != word1 || pkt_family_proto(p) != family_proto ||
			p->nexthop != nexthop || ip4_addresses(pkts[same]) != addresses ||
			esp_spi(pkts[same]) != spi)
			break;
	}
	return same;
}

/* An envelope of this SA, by its way and its owner: its job, or why not. *m may change (an emptied
 * first segment). */
static __rte_noinline enum drop_reason
open_any(struct sa *sa, const struct esp_sa *esp, struct rte_mbuf **m, struct crypto_burst *burst,
	uint16_t job)
{
	enum drop_reason why;
	uint64_t seq;

	pkt(*m)->sa = sa;
	pkt_trim_front(m, pkt(*m)->l4_offset);
	why = esp_open_check(esp->shape, sa, *m, &seq);
	if (likely(why == DROP_NONE))
		esp_open_job(esp->salt, esp->shape, *m, seq, burst, job);
	return why;
}

/*
 * How many from the first on are as most are, with the common shape, of one segment and in time:
 * theirs are the jobs from `job` on. They came alike. The next one is as it was. A function of its
 * own, for the compiler to have all registers.
 */
static __rte_noinline uint16_t
open_common(struct sa *sa, const struct esp_sa *esp, struct rte_mbuf **pkts, uint16_t n,
	struct crypto_burst *burst, uint16_t job)
{
	const struct esp_shape shape = esp_shape_common(esp->shape.esn);
	const uint32_t around = shape.overhead + shape.icv_bytes, salt = esp->salt;
	const uint16_t outer = pkt(pkts[0])->l4_offset;
	uint16_t i = 0;

	for (; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint32_t bytes = (uint32_t)m->data_len - outer;
		uint64_t seq;

		if (unlikely(m->nb_segs != 1 || bytes <= around ||
			     ((bytes - around) & (shape.align - 1u)) != 0))
			break;
		seq = esp_open_seq(sa, shape, m, outer);
		if (unlikely(replay_check(&sa->hot.window, seq) != DROP_NONE))
			break;
		pkt(m)->sa = sa;
		pkt_move(m, -(int16_t)outer, -(int32_t)outer);
		esp_open_job(salt, shape, m, seq, burst, job + i);
	}
	return i;
}

/* Envelopes of one SA that came alike, for which the crypto burst has room. */
static inline void
open_packets(struct worker *w, struct sa *sa, const struct esp_sa *esp, struct rte_mbuf **pkts,
	uint16_t n, struct crypto_burst *burst)
{
	const bool common = esp_shape_is_common(esp->shape);
	uint16_t job = burst->n;

	for (uint16_t i = 0; i < n; i++) {
		enum drop_reason why;

		if (likely(common)) {
			const uint16_t some = open_common(sa, esp, pkts + i, n - i, burst, job);

			job += some;
			i += some;
			if (likely(i == n))
				break;
		}
		why = open_any(sa, esp, &pkts[i], burst, job);
		if (likely(why == DROP_NONE))
			job++;
		else
			drop(w, pkts[i], why);
	}
	esp_jobs_end(burst, esp->session, job);
}

static void
open_over(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		pkt(pkts[i])->sa = sa;
		drop(w, pkts[i], DROP_lifetime);
	}
}

/* Envelopes that came alike, of this SA and this worker. */
static inline void
open_own(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	const struct esp_sa esp = esp_sa_of(sa);

	if (unlikely(!esp_open_may(sa))) {
		open_over(w, sa, pkts, n);
		return;
	}
	while (n > 0) {
		uint16_t room;
		struct crypto_burst *burst = stage_crypto_room(w, sa, &room);

		room = RTE_MIN(room, n);
		open_packets(w, sa, &esp, pkts, room, burst);
		pkts += room;
		n -= room;
	}
}

/* Envelopes that came alike: what is true of the first one's SA and way is true of all. */
static inline void
open_run(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct sa *sa = find_sa(w, pkts[0]);
	const struct tunnel *t;
	enum drop_reason why;

	if (unlikely(!sa)) {
		refuse(w, pkts, n, DROP_esp_unknown_spi);
		return;
	}
	t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);
	why = check_binding(t, pkts[0]);
	if (unlikely(why != DROP_NONE || !is_for_us(t, pkt(pkts[0]))))
		refuse(w, pkts, n, why);
	else if (unlikely(sa->owner != w->index))
		hand_over(w, sa, pkts, n);
	else
		open_own(w, sa, pkts, n);
}

/* Of envelopes of many SAs, what will be read of these: fetched all at once, one step after the
 * other. */
static __rte_noinline void
prefetch(const struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	const struct sad_slot *slots[BURST_MAX];
	const struct sa *sa;

	for (uint16_t i = 0; i < n; i++) {
		slots[i] = sad_slot(w->tables->sad, esp_spi(pkts[i]));
		rte_prefetch0(slots[i]);
	}
	for (uint16_t i = 0; i < n; i++) {
		sa = __atomic_load_n(&slots[i]->sa, __ATOMIC_ACQUIRE);
		if (sa)
			sa_prefetch(sa);
	}
	for (uint16_t i = 0; i < n; i++) {
		sa = __atomic_load_n(&slots[i]->sa, __ATOMIC_ACQUIRE);
		if (sa)
			tunnel_prefetch_in(w->tables->tunnels, sa->tunnel, w->index);
	}
}

void
stage_open(struct worker *w)
{
	struct rte_mbuf **pkts = w->esp_in.pkts;
	uint16_t n = w->esp_in.n, alike = w->esp_alike;

	if (n == 0)
		return;
	w->esp_in.n = 0;
	w->esp_alike = 0;
	if (unlikely(esp_spi(pkts[0]) != esp_spi(pkts[n - 1])))
		prefetch(w, pkts, n);
	for (uint16_t first = 0, same; first < n; first += same, alike = 0) {
		same = alike ? alike : came_alike(pkts + first, n - first);
		open_run(w, pkts + first, same);
	}
	stage_crypto(w);
}

/* Of a packet behind its ESP header, of an SA of the common shape. */
static inline const struct rte_ipv4_hdr *
inner_ip4(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(
		m, const struct rte_ipv4_hdr *, esp_shape_common(false).overhead);
}

/*
 * Whether envelope and inner packet are as most are, so that nothing would be found out about them:
 * in one segment, IPv4 between plain addresses, nothing behind it but the padding it needs, nothing
 * outside that would change it.
 */
static inline bool
is_opened_common(const struct rte_mbuf *m)
{
	const struct esp_shape shape = esp_shape_common(false);
	const struct rte_ipv4_hdr *ip = inner_ip4(m);
	uint64_t first, second;

	if (unlikely(m->nb_segs != 1 ||
		     m->data_len < shape.overhead + PARSE_IPV4_BYTES + shape.icv_bytes ||
		     !tunnel_outer_is_silent(m)))
		return false;
	memcpy(&first, ip, sizeof(first));
	memcpy(&second, (const uint8_t *)ip + sizeof(first), sizeof(second));
	return esp_open_ends(m, parse_ipv4_length(ip, first), IPPROTO_IPIP) &&
	       parse_ipv4_plain(ip) && parse_ipv4_checksum_right(first, second, ip->dst_addr);
}

/* How many from the first on are, and pass the window: they are their inner packets then, of *bytes
 * bytes. The next one is as it was. A function of its own, for the compiler to have all
 * registers. */
static __rte_noinline uint16_t
opened_common(
	struct sa *sa, const struct tunnel *t, struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes)
{
	const struct tunnel_inner inner = tunnel_inner_of(t);
	struct replay_window *window = &sa->hot.window;
	uint64_t sum = 0;
	uint16_t i = 0;

	for (; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct rte_ipv4_hdr *ip = inner_ip4(m);
		uint64_t first;

		if (unlikely(!is_opened_common(m) ||
			     replay_commit(window, pkt(m)->seq) != DROP_NONE))
			break;
		memcpy(&first, ip, sizeof(first));
		esp_open_take(m, rte_be_to_cpu_16(ip->total_length));
		tunnel_inner_view(&inner, pkt(m));
		parse_ipv4_view(pkt(m), ip, first, PKT_DECRYPTED);
		pkt(m)->plain = 1;
		sum += m->pkt_len;
	}
	*bytes = sum;
	return i;
}

/* The inner packet of any other one; DROP_NONE, or why there is none. *m may change (an emptied
 * first segment). */
static __rte_noinline enum drop_reason
opened_any(struct esp_opening *opening, const struct tunnel *t, struct rte_mbuf **m)
{
	uint8_t next_header;
	enum drop_reason why = esp_open_commit(opening->sa, *m);

	if (likely(why == DROP_NONE))
		why = esp_open_finish(opening, m, &next_header);
	if (likely(why == DROP_NONE))
		why = tunnel_decapsulate(t, *m, next_header);
	return likely(why == DROP_NONE) ? parse_martian(*m) : why;
}

/* Packets of one SA, and its tunnel. */
static void
opened(struct worker *w, struct sa *sa, struct tunnel *t, struct rte_mbuf **pkts, uint16_t n)
{
	struct esp_opening opening = esp_open_begin(sa, n);
	const bool common =
		opening.all_may && esp_shape_is_common(opening.esp.shape) && t->n_selectors == 0;
	uint64_t bytes = 0, some_bytes;
	uint16_t kept = 0, some;

	for (uint16_t i = 0; i < n; i++) {
		enum drop_reason why;

		if (likely(common)) {
			some = opened_common(sa, t, pkts + i, n - i, &some_bytes);
			esp_open_counted(&opening, some, some_bytes);
			if (unlikely(kept < i))
				memmove(pkts + kept, pkts + i, some * sizeof(pkts[0]));
			bytes += some_bytes;
			kept += some;
			i += some;
			if (likely(i == n))
				break;
		}
		why = opened_any(&opening, t, &pkts[i]);
		if (unlikely(why != DROP_NONE)) {
			drop(w, pkts[i], why);
			continue;
		}
		bytes += pkts[i]->pkt_len;
		pkts[kept++] = pkts[i];
	}
	esp_open_end(&opening);
	counter_add(&t->workers[w->index].in, kept, bytes);
	counter_add(&w->stats.esp_in, kept, bytes);
	stage_again(w, pkts, kept);
}

static inline bool
came_from_remote(const struct tunnel *t, const struct rte_mbuf *m)
{
	return pkt_const(m)->src_port_be == tunnel_udp(t)->dst_port &&
	       tunnel_is_remote(t, stage_outer_header(m));
}

/* The same over UDP, where one that came from elsewhere is looked at when those before it have been
 * committed. */
static __rte_noinline void
opened_udp(struct worker *w, struct sa *sa, struct tunnel *t, struct rte_mbuf **pkts, uint16_t n)
{
	enum drop_reason why;
	uint16_t first = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (likely(came_from_remote(t, pkts[i])))
			continue;
		if (first < i)
			opened(w, sa, t, pkts + first, i - first);
		first = i;
		why = stage_moved(w, sa, t, pkts[i]);
		if (likely(why == DROP_NONE))
			continue;
		drop(w, pkts[i], why);
		first++;
	}
	if (first < n)
		opened(w, sa, t, pkts + first, n - first);
}

void
stage_opened(struct worker *w, struct sa *sa, struct rte_mbuf **pkts, uint16_t n)
{
	struct tunnel *t = tunnel_get(w->tables->tunnels, sa->tunnel, sa->tunnel_generation);

	if (unlikely(!t))
		drop_bulk(w, pkts, n, DROP_tunnel_gone);
	else if (unlikely(t->carrier == TUNNEL_UDP))
		opened_udp(w, sa, t, pkts, n);
	else
		opened(w, sa, t, pkts, n);
}
