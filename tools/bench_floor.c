/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The least that an IIPtran gateway can do for a packet: receive, put the headers on or take them
 * off, one AES-256-GCM call, send. Nothing is looked up, checked or counted: a bound to measure a
 * gateway against, not a gateway. Packets come from port 1 and leave by port 0.
 *
 * usage: bench_floor [EAL options] -- out|in|wire [ipsec-mb|cryptodev]
 *
 * ipsec-mb calls the library once a packet; cryptodev has the same done by
 * rte_cryptodev_sym_cpu_crypto_process on device 0, once a burst. wire passes packets on as they
 * are: what the loop itself costs.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <intel-ipsec-mb.h>
#include <rte_cryptodev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

enum {
	BURST = 32,
	ETH = 14,
	OUTER = 20,
	ESP = 16, /* SPI, sequence number, IV */
	ADDED = OUTER + ESP,
	ICV = 16,
	AAD = 8,
	NONCE = 12,
	KEY = 32,
	DESCRIPTORS = 512,
};

struct nonce {
	uint32_t salt;
	rte_be64_t iv;
} __rte_packed __rte_aligned(16);

struct floor {
	IMB_MGR *mgr;
	struct gcm_key_data *key;
	void *session; /* of cryptodev 0; NULL: ipsec-mb */
	uint64_t seq;
	uint8_t head[ETH + ADDED];
};

static const uint32_t salt = 0x04030201; /* 01020304 on the wire */
static volatile sig_atomic_t stopping;

static void
on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

/* All packets of a burst by one call. */
static void
cryptodev_run(const struct floor *f, struct rte_mbuf **pkts, uint16_t n, struct nonce *nonce,
	int32_t *status)
{
	struct rte_crypto_va_iova_ptr iv[BURST], aad[BURST], icv[BURST];
	struct rte_crypto_vec vectors[BURST];
	struct rte_crypto_sgl text[BURST];
	struct rte_crypto_sym_vec all = {
		.num = n, .src_sgl = text, .iv = iv, .digest = icv, .aad = aad, .status = status};

	for (uint16_t i = 0; i < n; i++) {
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *);

		vectors[i].base = p + ETH + ADDED;
		vectors[i].len = pkts[i]->pkt_len - ETH - ADDED - ICV;
		text[i] = (struct rte_crypto_sgl){.vec = &vectors[i], .num = 1};
		iv[i].va = &nonce[i];
		aad[i].va = p + ETH + OUTER;
		icv[i].va = p + pkts[i]->pkt_len - ICV;
	}
	rte_cryptodev_sym_cpu_crypto_process(
		0, f->session, (union rte_crypto_sym_ofs){.raw = 0}, &all);
}

static void
headers_on(struct floor *f, struct rte_mbuf *m, struct nonce *nonce)
{
	uint16_t pad = -(m->pkt_len - ETH + 2) & 3;
	uint8_t *tail = (uint8_t *)rte_pktmbuf_append(m, pad + 2 + ICV);
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, ADDED);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(p + ETH);
	uint64_t seq = f->seq++;

	for (uint16_t j = 0; j < pad; j++)
		tail[j] = (uint8_t)(j + 1);
	tail[pad] = (uint8_t)pad;
	tail[pad + 1] = IPPROTO_IPIP;
	memcpy(p, f->head, ETH + ADDED);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(m->pkt_len - ETH));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*(rte_be32_t *)(p + ETH + OUTER + 4) = rte_cpu_to_be_32((uint32_t)seq);
	*nonce = (struct nonce){.salt = salt, .iv = rte_cpu_to_be_64(seq)};
	memcpy(p + ETH + OUTER + 8, &nonce->iv, 8);
}

static uint16_t
seal(struct floor *f, struct rte_mbuf **pkts, uint16_t n)
{
	struct gcm_context_data ctx;
	struct nonce nonce[BURST];

	for (uint16_t i = 0; i < n; i++)
		headers_on(f, pkts[i], &nonce[i]);
	if (f->session) {
		int32_t status[BURST];

		cryptodev_run(f, pkts, n, nonce, status);
		return n;
	}
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *), *text = p + ETH + ADDED;
		uint32_t bytes = pkts[i]->pkt_len - ETH - ADDED - ICV;

		IMB_AES256_GCM_ENC(f->mgr, f->key, &ctx, text, text, bytes, (uint8_t *)&nonce[i],
			p + ETH + OUTER, AAD, text + bytes, ICV);
	}
	return n;
}

/* Returns how many packets are genuine. The others are freed. */
static uint16_t
verify(struct floor *f, struct rte_mbuf **pkts, uint16_t n, struct nonce *nonce)
{
	struct gcm_context_data ctx;
	int32_t status[BURST];
	uint8_t tag[BURST][ICV];
	uint16_t kept = 0;

	if (f->session)
		cryptodev_run(f, pkts, n, nonce, status);
	for (uint16_t i = 0; i < n && !f->session; i++) {
		uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *), *text = p + ETH + ADDED;

		IMB_AES256_GCM_DEC(f->mgr, f->key, &ctx, text, text,
			pkts[i]->pkt_len - ETH - ADDED - ICV, (uint8_t *)&nonce[i], p + ETH + OUTER,
			AAD, tag[i], ICV);
	}
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint8_t *icv = rte_pktmbuf_mtod_offset(m, uint8_t *, m->pkt_len - ICV);

		if (f->session ? status[i] != 0 : memcmp(icv, tag[i], ICV) != 0)
			rte_pktmbuf_free(m);
		else
			pkts[kept++] = m;
	}
	return kept;
}

static uint16_t
open_burst(struct floor *f, struct rte_mbuf **pkts, uint16_t n)
{
	struct nonce nonce[BURST];

	for (uint16_t i = 0; i < n; i++) {
		nonce[i].salt = salt;
		memcpy(&nonce[i].iv, rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, ETH + OUTER + 8),
			8);
	}
	n = verify(f, pkts, n, nonce);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		rte_pktmbuf_trim(
			m, ICV + 2 + *rte_pktmbuf_mtod_offset(m, uint8_t *, m->pkt_len - ICV - 2));
		memcpy(rte_pktmbuf_adj(m, ADDED), (uint8_t[ETH]){[12] = 8}, ETH);
	}
	return n;
}

static uint16_t
pass(struct floor *f, struct rte_mbuf **pkts, uint16_t n)
{
	(void)f;
	(void)pkts;
	return n;
}

static int
session_create(struct floor *f, uint8_t *key, bool inbound)
{
	struct rte_crypto_sym_xform xform = {.type = RTE_CRYPTO_SYM_XFORM_AEAD,
		.aead = {.op = inbound ? RTE_CRYPTO_AEAD_OP_DECRYPT : RTE_CRYPTO_AEAD_OP_ENCRYPT,
			.algo = RTE_CRYPTO_AEAD_AES_GCM,
			.key = {.data = key, .length = KEY},
			.iv = {.length = NONCE},
			.digest_length = ICV,
			.aad_length = AAD}};
	struct rte_cryptodev_config config = {.nb_queue_pairs = 1};
	struct rte_mempool *sessions;
	struct rte_cryptodev_qp_conf queue = {.nb_descriptors = 64};

	if (!rte_cryptodev_count() || rte_cryptodev_configure(0, &config))
		return -1;
	sessions = rte_cryptodev_sym_session_pool_create(
		"sessions", 16, rte_cryptodev_sym_get_private_session_size(0), 0, 0, SOCKET_ID_ANY);
	if (!sessions || rte_cryptodev_queue_pair_setup(0, 0, &queue, SOCKET_ID_ANY) ||
		rte_cryptodev_start(0))
		return -1;
	f->session = rte_cryptodev_sym_session_create(0, &xform, sessions);
	return f->session ? 0 : -1;
}

static int
floor_create(struct floor *f, bool inbound, bool cryptodev)
{
	/* An IPv4 header up to the protocol, SPI 0x2001; the key is that of bench_traffic.py. */
	static const uint8_t head[ETH + ADDED] = {
		[12] = 8, [14] = 0x45, [22] = 64, [23] = IPPROTO_ESP, [36] = 0x20, [37] = 1};
	uint8_t key[KEY];

	*f = (struct floor){.mgr = alloc_mb_mgr(0), .seq = 1};
	memcpy(f->head, head, sizeof(head));
	for (unsigned i = 0; i < KEY; i++)
		key[i] = (const uint8_t[]){0xde, 0xad, 0xbe, 0xef}[i & 3];
	if (!f->mgr || posix_memalign((void **)&f->key, 64, sizeof(*f->key)))
		return -1;
	init_mb_mgr_auto(f->mgr, NULL);
	IMB_AES256_GCM_PRE(f->mgr, key, f->key);
	return cryptodev ? session_create(f, key, inbound) : 0;
}

static int
ports_start(void)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		"pool", 32767, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

	for (uint16_t port = 0; port < 2; port++) {
		struct rte_eth_conf conf = {0};

		if (!pool || rte_eth_dev_configure(port, 1, 1, &conf) ||
			rte_eth_rx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool) ||
			rte_eth_tx_queue_setup(port, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL) ||
			rte_eth_dev_start(port))
			return -1;
	}
	return 0;
}

/* memif comes up some time after both ends have started. */
static void
links_wait(void)
{
	struct rte_eth_link link;

	for (uint16_t port = 0; port < 2; port++) {
		while (!stopping && !rte_eth_link_get_nowait(port, &link) && !link.link_status)
			usleep(1000);
	}
}

static void
loop(struct floor *f, uint16_t (*work)(struct floor *, struct rte_mbuf **, uint16_t))
{
	struct rte_mbuf *pkts[BURST];

	while (!stopping) {
		uint16_t n = work(f, pkts, rte_eth_rx_burst(1, 0, pkts, BURST));
		uint16_t sent = rte_eth_tx_burst(0, 0, pkts, n);

		rte_pktmbuf_free_bulk(pkts + sent, n - sent);
	}
}

int
main(int argc, char **argv)
{
	int eal = rte_eal_init(argc, argv);
	struct floor f;
	bool in, out;

	if (eal < 0 || argc - eal < 2) {
		fprintf(stderr, "usage: bench_floor [EAL] -- out|in|wire [ipsec-mb|cryptodev]\n");
		return 2;
	}
	in = !strcmp(argv[eal + 1], "in");
	out = !strcmp(argv[eal + 1], "out");
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (floor_create(&f, in, argc - eal > 2 && !strcmp(argv[eal + 2], "cryptodev")) ||
		ports_start()) {
		fprintf(stderr, "bench_floor: a port or the crypto device does not start\n");
		return 1;
	}
	links_wait();
	loop(&f, in ? open_burst : out ? seal : pass);
	return 0;
}
