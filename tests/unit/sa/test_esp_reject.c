/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way in which ESP refuses a packet, and what it counts then. */

#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#include "esp_job.h"
#include "esp_open.h"
#include "fixture.h"
#include "guard.h"
#include "unit.h"

static struct fixture fx;

static struct rte_mbuf *
payload(uint32_t n)
{
	uint8_t bytes[FIXTURE_PACKET_MAX];

	pattern_fill(bytes, n);
	return packet_make(fx.pool, 4, bytes, n, NULL, 0);
}

/* Seals n bytes into envelope[]; returns its length. */
static uint32_t
envelope_make(struct sa *out, uint32_t n, uint8_t *envelope)
{
	struct rte_mbuf *m = payload(n);
	uint32_t bytes;

	assert_int_equal(seal_one(out, &m, 0), DROP_NONE);
	bytes = packet_bytes(m, envelope);
	rte_pktmbuf_free(m);
	return bytes;
}

static enum drop_reason
envelope_open(struct sa *in, const uint8_t *envelope, uint32_t n)
{
	struct rte_mbuf *m = packet_make(fx.pool, 4, envelope, n, NULL, 0);
	enum drop_reason why;
	uint8_t next_header;

	why = open_one(in, &m, &next_header);
	rte_pktmbuf_free(m);
	return why;
}

/* The SPI is not looked at here: by it the SA was found. */
static void
no_changed_byte_gets_through(void **state)
{
	uint8_t envelope[128];

	(void)state;
	for (unsigned e = 0; e < 2 * ENGINE_COUNT; e++) {
		struct sa *out = sa_make_simple(fx.engines[e / 2], SA_OUT, e % 2, 0);
		struct sa *in = sa_make_simple(fx.engines[e / 2], SA_IN, e % 2, 0);
		uint32_t n = envelope_make(out, 64, envelope);

		for (uint32_t i = 4; i < n; i++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				enum drop_reason why;

				envelope[i] ^= (uint8_t)(1 << bit);
				why = envelope_open(in, envelope, n);
				if (why != DROP_icv && why != DROP_replay_old)
					fail_msg("byte %u, bit %u: %s", i, bit, drop_name(why));
				envelope[i] ^= (uint8_t)(1 << bit);
			}
		}
		assert_int_equal(in->hot.traffic.packets, 0);
		assert_int_equal(in->hot.traffic.bytes, 0);
		assert_true(in->hot.window.top == 0);
		assert_int_equal(envelope_open(in, envelope, n), DROP_NONE);
		sa_destroy(out);
		sa_destroy(in);
	}
}

/* Against a page that nobody may touch, on either side, whole and in segments. */
static void
no_truncated_packet_gets_through_or_is_overread(void **state)
{
	uint8_t envelope[128], next_header;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct sa *out = sa_make_simple(fx.engines[e], SA_OUT, false, 0);
		struct sa *in = sa_make_simple(fx.engines[e], SA_IN, false, 0);
		uint32_t n = envelope_make(out, 61, envelope);

		for (uint32_t cut = 0; cut < n; cut++) {
			struct rte_mbuf *m[] = {guard_mbuf(fx.pool, envelope, cut, GUARD_AFTER),
				guard_mbuf(fx.pool, envelope, cut, GUARD_BEFORE),
				guard_chain(fx.pool, envelope, cut, 0, 7, GUARD_AFTER)};

			for (unsigned i = 0; i < RTE_DIM(m); i++) {
				enum drop_reason why = open_one(in, &m[i], &next_header);

				if (why !=
					(cut >= 36 && cut % 4 == 0 ? DROP_icv : DROP_esp_truncated))
					fail_msg("%u bytes: %s", cut, drop_name(why));
			}
		}
		assert_int_equal(envelope_open(in, envelope, n), DROP_NONE);
		sa_destroy(out);
		sa_destroy(in);
	}
}

/* Without head- or tailroom, each against a forbidden page: sealed all the same. */
static void
no_room_is_no_obstacle(void **state)
{
	uint8_t bytes[200], inner[256], next_header;

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct sa *out = sa_make_simple(fx.engines[e], SA_OUT, false, 0);
		struct sa *in = sa_make_simple(fx.engines[e], SA_IN, false, 0);
		struct rte_mbuf *m[] = {guard_mbuf(fx.pool, bytes, sizeof(bytes), GUARD_AFTER),
			guard_mbuf(fx.pool, bytes, sizeof(bytes), GUARD_BEFORE),
			guard_chain(fx.pool, bytes, sizeof(bytes), 20, 33, GUARD_AFTER),
			guard_chain(fx.pool, bytes, sizeof(bytes), 20, 33, GUARD_BEFORE)};

		for (unsigned i = 0; i < RTE_DIM(m); i++) {
			memset(pkt(m[i]), 0, sizeof(struct pkt));
			assert_int_equal(seal_one(out, &m[i], 48), DROP_NONE);
			assert_true(rte_pktmbuf_headroom(m[i]) >= 48);
			assert_int_equal(open_one(in, &m[i], &next_header), DROP_NONE);
			assert_int_equal(packet_bytes(m[i], inner), sizeof(bytes));
			assert_memory_equal(inner, bytes, sizeof(bytes));
			rte_pktmbuf_free(m[i]);
		}
		sa_destroy(out);
		sa_destroy(in);
	}
}

/* An authentic packet of any plaintext, made by the engine behind ESP's back. */
static struct rte_mbuf *
forge(struct sa *out, uint64_t seq, const uint8_t *text, uint32_t n, uint32_t cut)
{
	static struct crypto_burst burst;
	uint8_t bytes[FIXTURE_PACKET_MAX] = {0};
	const rte_be32_t header[] = {out->spi_be, rte_cpu_to_be_32((uint32_t)seq)};
	const rte_be64_t iv = rte_cpu_to_be_64(seq);
	struct rte_mbuf *m;

	memcpy(bytes, header, sizeof(header));
	memcpy(bytes + 8, &iv, sizeof(iv));
	memcpy(bytes + 16, text, n);
	m = packet_make(fx.pool, 4, bytes, 16 + n + 16, NULL, 0);
	const struct esp_sa esp = esp_sa_of(out);

	burst.n = 0;
	esp_open_job(esp.salt, esp.shape, m, seq, &burst, 0);
	esp_jobs_end(&burst, esp.session, 1);
	engine_run(out->engine, out->session, &burst);
	packet_bytes(m, bytes);
	rte_pktmbuf_free(m);
	return packet_make(fx.pool, 4, bytes, 16 + n + 16, &cut, cut != 0);
}

#define TEXT(s) (const uint8_t *)(s), sizeof(s) - 1

static const struct {
	const uint8_t *text;
	uint32_t n;
	enum drop_reason why;
	uint32_t inner; /* of what passes */
	const char *name;
} trailers[] = {
	{TEXT("ab\0\4"), DROP_NONE, 2, "no padding"},
	{TEXT("a\1\1\4"), DROP_NONE, 1, "one byte"},
	{TEXT("\1\2\2\4"), DROP_NONE, 0, "nothing but padding"},
	{TEXT("a\1\2\3\4\5\5\4"), DROP_NONE, 1, "more than alignment asks for"},
	{TEXT("\1\2\3\4"), DROP_pad_length, 0, "pad length 3 of 2"},
	{TEXT("\1\2\377\4"), DROP_pad_length, 0, "pad length 255 of 2"},
	{TEXT("abcdef\7\4"), DROP_pad_length, 0, "pad length 7 of 6"},
	{TEXT("a\2\1\4"), DROP_pad_bytes, 0, "a first byte of 2"},
	{TEXT("a\0\1\4"), DROP_pad_bytes, 0, "a first byte of 0"},
	{TEXT("abcd\1\3\2\4"), DROP_pad_bytes, 0, "a last byte of 3"},
	{TEXT("abc\0\0\0\3\4"), DROP_pad_bytes, 0, "zeros"},
	{TEXT("abc\1\2\3\4\5\6\7\7\4"), DROP_NONE, 3, "seven bytes"},
	{TEXT("abc\2\2\3\4\5\6\7\7\4"), DROP_pad_bytes, 0, "seven bytes, the first wrong"},
	{TEXT("ab\1\2\3\4\5\6\7\10\10\4"), DROP_NONE, 2, "eight bytes"},
	{TEXT("ab\2\2\3\4\5\6\7\10\10\4"), DROP_pad_bytes, 0, "eight bytes, the first wrong"},
	{TEXT("ab\0\73"), DROP_esp_dummy, 0, "a dummy packet"},
	{TEXT("\0\0\0\0\0\0\0\73"), DROP_esp_dummy, 0, "a longer dummy packet"},
	{TEXT("a\7\1\73"), DROP_pad_bytes, 0, "a dummy packet with wrong padding"},
	{TEXT("ab\0\0"), DROP_NONE, 2, "next header 0 is not decided here"},
};

/* The window moves for each of them: they are authentic. */
static void
trailers_are_checked(void **state)
{
	uint64_t seq = 0;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct sa *out = sa_make_simple(fx.engines[e], SA_OUT, false, 0);
		struct sa *in = sa_make_simple(fx.engines[e], SA_IN, false, 0);

		for (unsigned i = 0; i < RTE_DIM(trailers); i++) {
			for (uint32_t cut = 0; cut < trailers[i].n + 32; cut++) {
				struct rte_mbuf *m =
					forge(out, ++seq, trailers[i].text, trailers[i].n, cut);
				uint8_t next_header = 0;
				enum drop_reason why = open_one(in, &m, &next_header);

				if (why != trailers[i].why)
					fail_msg("%s, cut at %u: %s", trailers[i].name, cut,
						drop_name(why));
				assert_true(in->hot.window.top == seq);
				if (why != DROP_NONE)
					continue;
				assert_int_equal(m->pkt_len, trailers[i].inner);
				assert_int_equal(next_header, trailers[i].text[trailers[i].n - 1]);
				rte_pktmbuf_free(m);
			}
		}
		sa_destroy(out);
		sa_destroy(in);
	}
}

static void
the_longest_padding_passes(void **state)
{
	struct sa *out = sa_make_simple(fx.engines[ENGINE_SYNC], SA_OUT, false, 0);
	struct sa *in = sa_make_simple(fx.engines[ENGINE_SYNC], SA_IN, false, 0);
	uint8_t text[260] = "abc", next_header;
	uint64_t seq = 0;

	(void)state;
	for (unsigned i = 0; i < 255; i++)
		text[3 + i] = (uint8_t)(i + 1);
	text[258] = 255;
	text[259] = IPPROTO_IPIP;
	for (uint32_t wrong = 0; wrong <= 255; wrong++) {
		struct rte_mbuf *m;
		enum drop_reason why;

		/* byte 3 + wrong; at 255 none */
		text[3 + wrong] ^= wrong < 255 ? 0x40 : 0;
		m = forge(out, ++seq, text, sizeof(text), 16 + wrong);
		text[3 + wrong] ^= wrong < 255 ? 0x40 : 0;
		why = open_one(in, &m, &next_header);
		assert_int_equal(why, wrong < 255 ? DROP_pad_bytes : DROP_NONE);
		rte_pktmbuf_free(m);
	}
	sa_destroy(out);
	sa_destroy(in);
}

static void
replays_are_dropped_and_count_nothing(void **state)
{
	static struct crypto_burst burst;
	uint8_t envelope[128], next_header;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct sa *out = sa_make_simple(fx.engines[e], SA_OUT, false, 100);
		struct sa *in = sa_make_simple(fx.engines[e], SA_IN, false, 0);
		uint32_t n = envelope_make(out, 20, envelope);
		struct rte_mbuf *copies[2], *dead[2];
		enum drop_reason why[2];

		for (unsigned i = 0; i < 2; i++)
			copies[i] = packet_make(fx.pool, 4, envelope, n, NULL, 0);
		/* twice in one burst: both pass the first check */
		burst.n = 0;
		assert_int_equal(open_prepare(in, copies, 2, &burst, dead, why), 0);
		engine_run(in->engine, in->session, &burst);
		assert_int_equal(burst.status[0] | burst.status[1], CRYPTO_OK);
		assert_int_equal(open_finish(in, &copies[0], &next_header), DROP_NONE);
		assert_int_equal(open_finish(in, &copies[1], &next_header), DROP_replay_late);
		rte_pktmbuf_free_bulk(copies, 2);

		assert_int_equal(envelope_open(in, envelope, n), DROP_replay_seen);
		in->hot.window.top = 164;
		assert_int_equal(envelope_open(in, envelope, n), DROP_replay_old);
		assert_int_equal(in->hot.traffic.packets, 1);
		assert_int_equal(in->hot.traffic.bytes, 20);
		assert_int_equal(in->hot.errors_replay, 3);
		sa_destroy(out);
		sa_destroy(in);
	}
}

/* Seals one packet of a byte. */
static enum drop_reason
seal_small(struct sa *out)
{
	struct rte_mbuf *m = payload(1);
	enum drop_reason why = seal_one(out, &m, 0);

	rte_pktmbuf_free(m);
	return why;
}

/* Seals up to 4 packets of 20 bytes at once; returns how many went, and the last reason. */
static uint16_t
seal_four(struct sa *out, enum drop_reason *reason)
{
	static struct crypto_burst burst;
	struct rte_mbuf *pkts[4], *dead[4];
	enum drop_reason why[4];
	uint16_t lost;

	for (unsigned i = 0; i < 4; i++)
		pkts[i] = payload(20);
	burst.n = 0;
	lost = seal_prepare(out, pkts, 4, 0, &burst, dead, why);
	assert_int_equal(lost + burst.n, 4);
	*reason = lost > 0 ? why[lost - 1] : DROP_NONE;
	rte_pktmbuf_free_bulk(dead, lost);
	rte_pktmbuf_free_bulk(burst.pkts, burst.n);
	return burst.n;
}

static const struct {
	bool esn;
	uint64_t next, limit; /* limit 0: the end of the space */
	struct sa_lifetime hard;
	uint32_t expired;
	uint16_t go;
	enum drop_reason why; /* of the last of four */
	bool ended;
	const char *name;
} ends[] = {
	{false, 1, 0, {0}, 0, 4, DROP_NONE, false, "all go"},
	{false, UINT32_MAX - 1, 0, {0}, 0, 2, DROP_sequence_exhausted, true,
		"without ESN, 2^32 - 1 is the last number"},
	{false, UINT32_MAX - 3, 0, {0}, 0, 4, DROP_NONE, false, "the last four numbers"},
	{true, UINT32_MAX - 1, 0, {0}, 0, 4, DROP_NONE, false, "with ESN it goes on"},
	{true, UINT64_MAX - 2, 0, {0}, 0, 2, DROP_sequence_exhausted, true,
		"with ESN, the last number but one ends it"},
	{false, 10, 13, {0}, 0, 3, DROP_sequence_unreserved, false, "three are reserved"},
	{false, 13, 13, {0}, 0, 0, DROP_sequence_unreserved, false, "none is reserved"},
	{false, 1, 0, {.packets = 3}, 0, 3, DROP_lifetime, true, "three packets"},
	{false, 1, 0, {.packets = 4}, 0, 4, DROP_NONE, false, "four packets"},
	{false, 1, 0, {.bytes = 60}, 0, 3, DROP_lifetime, true, "bytes for three"},
	{false, 1, 0, {.bytes = 79}, 0, 3, DROP_lifetime, true, "not bytes for four"},
	{false, 1, 0, {.bytes = 80}, 0, 4, DROP_NONE, false, "bytes for four"},
	{false, 1, 0, {0}, 1, 0, DROP_lifetime, true, "its seconds are over"},
};

static void
an_sa_ends(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(ends); i++) {
		struct sa_config config = sa_config_make(SA_OUT, CRYPTO_AES_256_GCM);
		enum drop_reason why;
		struct sa *sa;
		uint16_t go;

		config.esn = ends[i].esn;
		config.seq = ends[i].next;
		config.hard = ends[i].hard;
		sa = sa_make(fx.engines[ENGINE_SYNC], &config);
		sa->hot.seq_limit = ends[i].limit != 0 ? ends[i].limit : sa->hot.seq_limit;
		sa->hot.expired = ends[i].expired;
		go = seal_four(sa, &why);
		if (go != ends[i].go || why != ends[i].why || sa->hot.ended != ends[i].ended)
			fail_msg("%s: %u went, then %s", ends[i].name, go, drop_name(why));
		assert_true(sa->hot.seq_next == ends[i].next + go);
		assert_int_equal(sa->hot.traffic.packets, go);
		assert_int_equal(sa->hot.traffic.bytes, 20 * go);
		/* an end is an end, also for what would still fit */
		if (ends[i].ended)
			assert_int_equal(seal_small(sa), ends[i].why);
		sa_destroy(sa);
	}
}

static void
an_inbound_sa_ends(void **state)
{
	struct sa_config config = sa_config_make(SA_IN, CRYPTO_AES_256_GCM);
	struct sa *out = sa_make_simple(fx.engines[ENGINE_SYNC], SA_OUT, false, 0);
	uint8_t envelope[128];
	struct sa *in;
	uint32_t n;

	(void)state;
	config.hard.packets = 2;
	in = sa_make(fx.engines[ENGINE_SYNC], &config);
	for (unsigned i = 0; i < 4; i++) {
		n = envelope_make(out, 20, envelope);
		assert_int_equal(envelope_open(in, envelope, n), i < 2 ? DROP_NONE : DROP_lifetime);
	}
	sa_destroy(in);
	config.hard.packets = 0;
	config.hard.bytes = 30;
	in = sa_make(fx.engines[ENGINE_SYNC], &config);
	for (unsigned i = 0; i < 3; i++) {
		n = envelope_make(out, 20, envelope);
		assert_int_equal(envelope_open(in, envelope, n), i < 1 ? DROP_NONE : DROP_lifetime);
		assert_int_equal(in->hot.ended, i >= 1);
	}
	sa_destroy(in);
	sa_destroy(out);
}

/* A shared packet needs two segments more; with none, then one free, it is refused. */
static void
without_mbufs_packets_are_refused(void **state)
{
	struct sa *out = sa_make_simple(fx.engines[ENGINE_SYNC], SA_OUT, false, 7);
	static struct rte_mbuf *hoard[FIXTURE_POOL];
	uint16_t n = FIXTURE_POOL - 3;

	(void)state;
	for (unsigned spare = 0; spare < 3; spare++) {
		struct rte_mbuf *m = payload(100), *clone = rte_pktmbuf_clone(m, fx.pool);

		*pkt(clone) = *pkt(m);
		n = (uint16_t)(FIXTURE_POOL - 2 - spare);
		assert_int_equal(rte_pktmbuf_alloc_bulk(fx.pool, hoard, n), 0);
		assert_int_equal(seal_one(out, &clone, 0), spare < 2 ? DROP_no_mbuf : DROP_NONE);
		assert_true(out->hot.seq_next == (spare < 2 ? 7 : 8));
		rte_pktmbuf_free(clone);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free_bulk(hoard, n);
	}
	assert_int_equal(out->hot.traffic.packets, 1);
	sa_destroy(out);
}

static void
sequence_numbers_cross_2_32(void **state)
{
	const uint64_t start = (UINT64_C(1) << 32) - 3;
	uint8_t envelopes[6][64];

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct sa *out = sa_make_simple(fx.engines[e], SA_OUT, true, start);
		struct sa *in = sa_make_simple(fx.engines[e], SA_IN, true, 0);

		in->hot.window.top = start - 1;
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(envelope_make(out, 20, envelopes[i]), 56);
		/* the last first, then those of the other side */
		for (unsigned i = 6; i-- > 0;)
			assert_int_equal(envelope_open(in, envelopes[i], 56), DROP_NONE);
		assert_true(in->hot.window.top == start + 5);
		for (unsigned i = 0; i < 6; i++)
			assert_int_equal(envelope_open(in, envelopes[i], 56), DROP_replay_seen);
		sa_destroy(out);
		sa_destroy(in);
	}
}

static int
setup(void **state)
{
	(void)state;
	fixture_open(&fx, "esp-reject");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

static int
all_mbufs_are_back(void **state)
{
	(void)state;
	return rte_mempool_avail_count(fx.pool) == FIXTURE_POOL ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_teardown(name, all_mbufs_are_back)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_changed_byte_gets_through),
		TEST(no_truncated_packet_gets_through_or_is_overread),
		TEST(no_room_is_no_obstacle),
		TEST(trailers_are_checked),
		TEST(the_longest_padding_passes),
		TEST(replays_are_dropped_and_count_nothing),
		TEST(an_sa_ends),
		TEST(an_inbound_sa_ends),
		TEST(without_mbufs_packets_are_refused),
		TEST(sequence_numbers_cross_2_32),
	};

	return cmocka_run_group_tests_name("esp reject", tests, setup, teardown);
}
