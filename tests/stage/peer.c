/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_esp.h>

#include "cryptodev.h"
#include "packet.h"

enum {
	HEADER_BYTES = 16, /* ESP header and IV */
	ICV_BYTES = 16,
	KEY_BYTES = 32,
	POOL_SIZE = 15,
};

struct peer {
	struct crypto_engine *engine;
	struct rte_mempool *pool;
	struct crypto_session *sessions[256][2][2]; /* by key, ESN, direction */
	struct crypto_burst burst;
};

struct peer *
peer_create(void)
{
	const struct crypto_engine_params params = {
		.workers = 1, .sessions_max = 64, .socket = SOCKET_ID_ANY};
	struct peer *peer = calloc(1, sizeof(*peer));
	struct error err;

	if (!peer)
		abort();
	peer->engine = cryptodev_sync_create(&params, &err);
	peer->pool = rte_pktmbuf_pool_create("peer", POOL_SIZE, 0, 0, UINT16_MAX, SOCKET_ID_ANY);
	if (!peer->engine || !peer->pool) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	return peer;
}

void
peer_destroy(struct peer *peer)
{
	struct crypto_session **sessions = &peer->sessions[0][0][0];

	for (size_t i = 0; i < sizeof(peer->sessions) / sizeof(*sessions); i++)
		if (sessions[i])
			peer->engine->ops->session_destroy(peer->engine, sessions[i]);
	peer->engine->ops->destroy(peer->engine);
	rte_mempool_free(peer->pool);
	free(peer);
}

/* The bytes of KEY(id). */
static void
key_make(uint8_t id, uint8_t key[KEY_BYTES + 4])
{
	key[0] = id;
	key[1] = 0xff;
	key[2] = 0xee;
	for (uint8_t i = 0; i < KEY_BYTES + 1; i++)
		key[3 + i] = i;
}

static struct crypto_session *
session_get(struct peer *peer, uint8_t id, bool esn, enum crypto_direction direction)
{
	struct crypto_session **session = &peer->sessions[id][esn][direction];
	uint8_t key[KEY_BYTES + 4];
	struct error err;

	key_make(id, key);
	if (!*session)
		*session = peer->engine->ops->session_create(peer->engine,
			crypto_algorithm_get(CRYPTO_AES_256_GCM), direction, key, esn ? 12 : 8,
			&err);
	if (!*session)
		abort();
	return *session;
}

/* One ESP packet, in place. RFC 4106 4 and 5. */
static bool
crypt(struct peer *peer, const struct esp_row *row, struct packet *esp,
	enum crypto_direction direction)
{
	struct crypto_session *session = session_get(peer, row->key, row->esn, direction);
	struct rte_mbuf *m = rte_pktmbuf_alloc(peer->pool);
	struct crypto_burst *b = &peer->burst;
	uint8_t key[KEY_BYTES + 4], *data, *aad = b->aad[0];
	rte_be32_t high = rte_cpu_to_be_32((uint32_t)(row->seq >> 32));

	m->data_off = 0;
	data = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)esp->n);
	if (!data)
		abort();
	memcpy(data, esp->bytes, esp->n);
	key_make(row->key, key);
	b->n = 1;
	b->sessions[0] = session;
	b->pkts[0] = m;
	b->text[0] = data + HEADER_BYTES;
	b->text_bytes[0] = esp->n - HEADER_BYTES - ICV_BYTES;
	b->icv[0] = data + esp->n - ICV_BYTES;
	memcpy(b->nonce[0].bytes, key + KEY_BYTES, 4);
	memcpy(b->nonce[0].bytes + 4, data + 8, 8);
	memcpy(aad, data, 8);
	if (row->esn) {
		memcpy(aad + 4, &high, 4);
		memcpy(aad + 8, data + 4, 4);
	}
	peer->engine->ops->process(peer->engine, 0, b);
	memcpy(esp->bytes, data, esp->n);
	rte_pktmbuf_free(m);
	return b->status[0] == CRYPTO_OK;
}

void
peer_seal_text(struct peer *peer, const struct esp_row *row, const void *text, uint32_t bytes,
	struct packet *esp)
{
	rte_be32_t spi = rte_cpu_to_be_32(row->spi), seq = rte_cpu_to_be_32((uint32_t)row->seq);
	rte_be64_t iv = rte_cpu_to_be_64(row->seq);

	esp->n = HEADER_BYTES + bytes + ICV_BYTES;
	if (esp->n > PACKET_MAX)
		abort();
	memcpy(esp->bytes, &spi, 4);
	memcpy(esp->bytes + 4, &seq, 4);
	memcpy(esp->bytes + 8, &iv, 8);
	memcpy(esp->bytes + HEADER_BYTES, text, bytes);
	if (!crypt(peer, row, esp, CRYPTO_ENCRYPT))
		abort();
	esp->bytes[esp->n - 1] ^= row->icv_wrong;
}

void
peer_seal(struct peer *peer, const struct esp_row *row, const struct packet *payload,
	struct packet *esp)
{
	static uint8_t text[PACKET_MAX + 512];
	uint32_t n = payload->n + row->tfc, pad = (-(n + 2) & 3) + row->pad_extra;

	memcpy(text, payload->bytes, payload->n);
	memset(text + payload->n, 0, row->tfc);
	for (uint32_t i = 0; i < pad; i++)
		text[n + i] = (uint8_t)(i + 1 + row->pad_wrong);
	text[n + pad] = (uint8_t)(pad + row->pad_length);
	text[n + pad + 1] = row->next_header            ? row->next_header
			    : *payload->bytes >> 4 == 4 ? IPPROTO_IPIP
							: IPPROTO_IPV6;
	peer_seal_text(peer, row, text, n + pad + 2, esp);
}

bool
peer_open(struct peer *peer, struct esp_row *row, const struct packet *envelope,
	struct packet *payload)
{
	static struct packet esp;
	bool v4 = *envelope->bytes >> 4 == 4;
	uint32_t offset = v4 ? 20 : 40, pad, bytes;
	rte_be32_t words[2];

	if (envelope->bytes[v4 ? 9 : 6] == IPPROTO_UDP)
		offset += 8;
	if (envelope->n < offset + HEADER_BYTES + 4 + ICV_BYTES)
		return false;
	esp.n = envelope->n - offset;
	memcpy(esp.bytes, envelope->bytes + offset, esp.n);
	memcpy(words, esp.bytes, sizeof(words));
	row->spi = rte_be_to_cpu_32(words[0]);
	row->seq = (row->seq & ~UINT64_C(0xffffffff)) | rte_be_to_cpu_32(words[1]);
	if (!crypt(peer, row, &esp, CRYPTO_DECRYPT))
		return false;
	bytes = esp.n - HEADER_BYTES - ICV_BYTES;
	row->next_header = esp.bytes[HEADER_BYTES + bytes - 1];
	pad = esp.bytes[HEADER_BYTES + bytes - 2];
	if (pad + 2 > bytes)
		return false;
	payload->n = bytes - 2 - pad;
	memcpy(payload->bytes, esp.bytes + HEADER_BYTES, payload->n);
	for (uint32_t i = 0; i < pad; i++)
		if (esp.bytes[HEADER_BYTES + payload->n + i] != i + 1)
			return false;
	return true;
}
