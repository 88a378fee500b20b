/* SPDX-License-Identifier: BSD-3-Clause */
/* What ESP makes of packets of every size and shape, over every engine, judged by scapy. */

#include <netinet/in.h>
#include <string.h>

#include "esp_job.h"
#include "fixture.h"
#include "unit.h"

struct golden_row {
	unsigned bits;
	uint8_t family;
	bool esn;
	uint64_t seq;
	uint32_t inner_bytes, esp_bytes;
	const char *inner, *esp;
};

#include "golden.h"

enum { EXTRA = 48 }; /* an outer IPv6 header and UDP */

static struct fixture fx;

static struct sa *
golden_sa(struct crypto_engine *engine, const struct golden_row *row, enum sa_direction direction)
{
	struct sa_config config =
		sa_config_make(direction, row->bits == 128   ? CRYPTO_AES_128_GCM
					  : row->bits == 192 ? CRYPTO_AES_192_GCM
							     : CRYPTO_AES_256_GCM);
	struct sa *sa;

	config.esn = row->esn;
	config.seq = direction == SA_OUT ? row->seq : 0;
	sa = sa_make(engine, &config);
	/* so that the high half is known to the receiver */
	if (direction == SA_IN)
		sa->hot.window.top = row->seq - 1;
	return sa;
}

static void
scapy_makes_the_same_bytes(void **state)
{
	uint8_t bytes[FIXTURE_PACKET_MAX];

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		for (unsigned i = 0; i < RTE_DIM(golden_rows); i++) {
			const struct golden_row *row = &golden_rows[i];
			struct sa *sa = golden_sa(fx.engines[e], row, SA_OUT);
			struct rte_mbuf *m = packet_make(
				fx.pool, row->family, row->inner, row->inner_bytes, NULL, 0);

			assert_int_equal(seal_one(sa, &m, 0), DROP_NONE);
			assert_true(pkt(m)->seq == row->seq);
			if (packet_bytes(m, bytes) != row->esp_bytes ||
				memcmp(bytes, row->esp, row->esp_bytes) != 0)
				fail_msg("row %u, engine %u", i, e);
			rte_pktmbuf_free(m);
			sa_destroy(sa);
		}
	}
}

static void
what_scapy_makes_is_opened(void **state)
{
	uint8_t bytes[FIXTURE_PACKET_MAX], next_header;

	(void)state;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		for (unsigned i = 0; i < RTE_DIM(golden_rows); i++) {
			const struct golden_row *row = &golden_rows[i];
			struct sa *sa = golden_sa(fx.engines[e], row, SA_IN);
			struct rte_mbuf *m =
				packet_make(fx.pool, 4, row->esp, row->esp_bytes, NULL, 0);

			if (open_one(sa, &m, &next_header) != DROP_NONE)
				fail_msg("row %u, engine %u", i, e);
			assert_true(pkt(m)->seq == row->seq);
			assert_int_equal(
				next_header, row->family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6);
			assert_int_equal(packet_bytes(m, bytes), row->inner_bytes);
			assert_memory_equal(bytes, row->inner, row->inner_bytes);
			rte_pktmbuf_free(m);
			sa_destroy(sa);
		}
	}
}

/* An SA pair on one engine. */
struct pair {
	struct sa *out, *in;
};

static struct pair
pair_make(struct crypto_engine *engine, bool esn)
{
	return (struct pair){
		sa_make_simple(engine, SA_OUT, esn, 0), sa_make_simple(engine, SA_IN, esn, 0)};
}

static void
pair_destroy(struct pair *pair)
{
	sa_destroy(pair->out);
	sa_destroy(pair->in);
}

/* Seals m, which holds bytes, and checks the envelope's shape. */
static struct rte_mbuf *
sealed(struct pair *pair, struct rte_mbuf *m, const uint8_t *bytes, uint32_t n)
{
	uint8_t envelope[FIXTURE_PACKET_MAX];

	assert_int_equal(seal_one(pair->out, &m, EXTRA), DROP_NONE);
	assert_true(rte_pktmbuf_headroom(m) >= EXTRA);
	assert_true(m->data_len >= 16);
	assert_int_equal(m->pkt_len, esp_bytes(esp_sa_of(pair->out).shape, n));
	assert_int_equal((m->pkt_len - 32) % 4, 0);
	packet_bytes(m, envelope);
	if (n >= 8)
		assert_memory_not_equal(envelope + 16, bytes, n);
	return m;
}

static void
opened(struct pair *pair, struct rte_mbuf *m, const uint8_t *bytes, uint32_t n, uint8_t wanted)
{
	uint8_t inner[FIXTURE_PACKET_MAX], next_header = 0;
	enum drop_reason why = open_one(pair->in, &m, &next_header);

	if (why != DROP_NONE)
		fail_msg("%u bytes: %s", n, drop_name(why));
	assert_int_equal(next_header, wanted);
	assert_int_equal(packet_bytes(m, inner), n);
	assert_memory_equal(inner, bytes, n);
	rte_pktmbuf_free(m);
}

static void
every_size_goes_and_comes(void **state)
{
	static const uint32_t large[] = {576, 1400, 1499, 1500, 2000, 8999, 9000};
	uint8_t bytes[FIXTURE_PACKET_MAX];
	const uint32_t cuts[] = {1900, 3800, 5700, 7600};

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (unsigned e = 0; e < 2 * ENGINE_COUNT; e++) {
		struct pair pair = pair_make(fx.engines[e / 2], e % 2);

		for (uint32_t i = 0; i <= 300 + RTE_DIM(large); i++) {
			uint32_t n = i <= 300 ? i : large[i - 301];
			uint8_t family = n % 2 ? 6 : 4;
			struct rte_mbuf *m = packet_make(
				fx.pool, family, bytes, n, cuts, n > 1900 ? RTE_DIM(cuts) : 0);

			m = sealed(&pair, m, bytes, n);
			opened(&pair, m, bytes, n, family == 4 ? IPPROTO_IPIP : IPPROTO_IPV6);
		}
		assert_int_equal(pair.in->hot.traffic.packets, 301 + RTE_DIM(large));
		assert_int_equal(pair.in->hot.traffic.packets, pair.out->hot.traffic.packets);
		assert_int_equal(pair.in->hot.traffic.bytes, pair.out->hot.traffic.bytes);
		pair_destroy(&pair);
	}
}

/* The shapes of a chain that is cut at p: two parts, with a byte of its own, with an empty one. */
enum { SHAPES = 3 };

static struct rte_mbuf *
shaped(unsigned shape, uint32_t p, const uint8_t *bytes, uint32_t n)
{
	const uint32_t cuts[] = {p, p + (shape == 1)};

	return packet_make(fx.pool, 4, bytes, n, cuts, shape == 0 ? 1 : 2);
}

static void
chains_are_sealed_wherever_they_are_cut(void **state)
{
	uint8_t bytes[64];

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct pair pair = pair_make(fx.engines[e], true);

		for (uint32_t p = 0; p <= sizeof(bytes); p++) {
			for (unsigned shape = 0; shape < SHAPES; shape++) {
				struct rte_mbuf *m = shaped(shape, p, bytes, sizeof(bytes));

				m = sealed(&pair, m, bytes, sizeof(bytes));
				opened(&pair, m, bytes, sizeof(bytes), IPPROTO_IPIP);
			}
		}
		pair_destroy(&pair);
	}
}

/* Inside header, IV, payload, padding, trailer, ICV. */
static void
envelopes_are_opened_wherever_they_are_cut(void **state)
{
	uint8_t bytes[61], envelope[128];

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct pair pair = pair_make(fx.engines[e], false);

		for (uint32_t p = 0; p <= 96; p++) {
			for (unsigned shape = 0; shape < SHAPES; shape++) {
				struct rte_mbuf *m =
					packet_make(fx.pool, 4, bytes, sizeof(bytes), NULL, 0);

				m = sealed(&pair, m, bytes, sizeof(bytes));
				assert_int_equal(packet_bytes(m, envelope), 96);
				rte_pktmbuf_free(m);
				m = shaped(shape, p, envelope, 96);
				opened(&pair, m, bytes, sizeof(bytes), IPPROTO_IPIP);
			}
		}
		pair_destroy(&pair);
	}
}

/* A segment for each byte. */
static void
one_byte_segments_are_opened(void **state)
{
	uint8_t bytes[60], envelope[128];
	uint32_t cuts[95];

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (uint32_t i = 0; i < RTE_DIM(cuts); i++)
		cuts[i] = i + 1;
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct pair pair = pair_make(fx.engines[e], false);
		struct rte_mbuf *m = packet_make(fx.pool, 4, bytes, sizeof(bytes), cuts, 59);

		m = sealed(&pair, m, bytes, sizeof(bytes));
		assert_int_equal(packet_bytes(m, envelope), 96);
		rte_pktmbuf_free(m);
		m = packet_make(fx.pool, 4, envelope, 96, cuts, RTE_DIM(cuts));
		opened(&pair, m, bytes, sizeof(bytes), IPPROTO_IPIP);
		pair_destroy(&pair);
	}
}

/* Header and trailer of a shared packet get segments of their own, whoever of the two is sealed. */
static void
shared_packets_get_segments(void **state)
{
	uint8_t bytes[200];

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (unsigned i = 0; i < 2 * ENGINE_COUNT; i++) {
		struct pair pair = pair_make(fx.engines[i / 2], false);
		struct rte_mbuf *m = packet_make(fx.pool, 4, bytes, sizeof(bytes), NULL, 0);
		struct rte_mbuf *clone = rte_pktmbuf_clone(m, fx.pool);
		struct rte_mbuf *other = i % 2 ? clone : m;

		*pkt(clone) = *pkt(m);
		m = sealed(&pair, i % 2 ? m : clone, bytes, sizeof(bytes));
		assert_int_equal(m->nb_segs, 3);
		assert_int_equal(other->pkt_len, sizeof(bytes));
		opened(&pair, m, bytes, sizeof(bytes), IPPROTO_IPIP);
		rte_pktmbuf_free(other);
		pair_destroy(&pair);
	}
}

static void
any_headroom_and_tailroom_will_do(void **state)
{
	struct pair pair = pair_make(fx.engines[ENGINE_SYNC], false);
	uint8_t bytes[FIXTURE_PACKET_MAX];

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (uint16_t head = 0; head <= 16 + EXTRA + 1; head++) {
		for (uint16_t tail = 0; tail <= 22; tail++) {
			struct rte_mbuf *m = packet_make(fx.pool, 4, bytes, 0, NULL, 0);
			uint16_t n = (uint16_t)(m->buf_len - head - tail);
			unsigned segments = 1 + (head < 16 + EXTRA);

			m->data_off = head;
			memcpy(rte_pktmbuf_append(m, n), bytes, n);
			m = sealed(&pair, m, bytes, n);
			segments += n + tail < esp_bytes(esp_sa_of(pair.out).shape, n) - 16;
			assert_int_equal(m->nb_segs, segments);
			opened(&pair, m, bytes, n, IPPROTO_IPIP);
		}
	}
	pair_destroy(&pair);
}

static void
a_full_burst_keeps_its_order(void **state)
{
	static struct crypto_burst burst;
	struct rte_mbuf *pkts[CRYPTO_BURST], *dead[CRYPTO_BURST];
	enum drop_reason why[CRYPTO_BURST];
	uint8_t bytes[CRYPTO_BURST], next_header;

	(void)state;
	pattern_fill(bytes, sizeof(bytes));
	for (unsigned e = 0; e < ENGINE_COUNT; e++) {
		struct pair pair = pair_make(fx.engines[e], false);

		for (uint32_t i = 0; i < CRYPTO_BURST; i++)
			pkts[i] = packet_make(fx.pool, 4, bytes, i, NULL, 0);
		burst.n = 0;
		assert_int_equal(
			seal_prepare(pair.out, pkts, CRYPTO_BURST, EXTRA, &burst, dead, why), 0);
		engine_run(pair.out->engine, pair.out->session, &burst);
		memcpy(pkts, burst.pkts, sizeof(pkts));
		burst.n = 0;
		assert_int_equal(open_prepare(pair.in, pkts, CRYPTO_BURST, &burst, dead, why), 0);
		engine_run(pair.in->engine, pair.in->session, &burst);
		for (uint32_t i = 0; i < CRYPTO_BURST; i++) {
			assert_int_equal(burst.status[i], CRYPTO_OK);
			assert_int_equal(pkt(pkts[i])->seq, i + 1);
			assert_int_equal(open_finish(pair.in, &pkts[i], &next_header), DROP_NONE);
			assert_int_equal(pkts[i]->pkt_len, i);
			rte_pktmbuf_free(pkts[i]);
		}
		pair_destroy(&pair);
	}
}

static void
payload_max_is_the_inverse_of_overhead(void **state)
{
	const struct crypto_algorithm *a = crypto_algorithm_get(CRYPTO_AES_256_GCM);
	struct pair pair = pair_make(fx.engines[ENGINE_SYNC], false);

	(void)state;
	assert_int_equal(esp_payload_max(a, 0), 0);
	assert_int_equal(esp_payload_max(a, 35), 0);
	for (uint32_t bytes = 36; bytes < 9100; bytes++) {
		uint32_t n = esp_payload_max(a, bytes);

		assert_true(n > 0 && esp_bytes(esp_sa_of(pair.out).shape, n) <= bytes);
		assert_true(esp_bytes(esp_sa_of(pair.out).shape, n + 1) > bytes);
	}
	pair_destroy(&pair);
}

static int
setup(void **state)
{
	(void)state;
	fixture_open(&fx, "esp");
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
		TEST(scapy_makes_the_same_bytes),
		TEST(what_scapy_makes_is_opened),
		TEST(every_size_goes_and_comes),
		TEST(chains_are_sealed_wherever_they_are_cut),
		TEST(envelopes_are_opened_wherever_they_are_cut),
		TEST(one_byte_segments_are_opened),
		TEST(shared_packets_get_segments),
		TEST(any_headroom_and_tailroom_will_do),
		TEST(a_full_burst_keeps_its_order),
		TEST(payload_max_is_the_inverse_of_overhead),
	};

	return cmocka_run_group_tests_name("esp", tests, setup, teardown);
}
