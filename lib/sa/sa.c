/* SPDX-License-Identifier: BSD-3-Clause */
#include "sa.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "esp_job.h"
#include "seqstate.h"
#include "sizes.h"

/* 1 to 255 are reserved, 0 is never on the wire (RFC 4303 2.1). */
enum { SPI_MIN = 256 };

static int
lifetime_validate(const char *unit, uint64_t soft, uint64_t hard, struct error *err)
{
	if (soft == 0 || hard == 0 || soft < hard)
		return 0;
	return error_set(err, -EINVAL,
		"soft_%s: %" PRIu64 " is not below hard_%s (%" PRIu64
		"); the warning must come before the end",
		unit, soft, unit, hard);
}

static int
direction_validate(const struct sa_config *config, struct error *err)
{
	if (config->direction == SA_IN) {
		if (config->seq != 0)
			return error_set(err, -EINVAL,
				"seq: only an SA of direction \"out\" chooses its sequence "
				"numbers");
		if (config->replay_window != 0 &&
			(config->replay_window < REPLAY_WINDOW_MIN ||
				config->replay_window > REPLAY_WINDOW_MAX))
			return error_set(err, -EINVAL,
				"replay_window: %u is not possible; %u to %u, or 0 for none",
				config->replay_window, REPLAY_WINDOW_MIN, REPLAY_WINDOW_MAX);
		return 0;
	}
	if (config->seq >= sa_sequence_end(config->esn))
		return error_set(err, -EINVAL,
			"seq: %" PRIu64 " is beyond the last sequence number, %" PRIu64 "%s",
			config->seq, sa_sequence_end(config->esn) - 1,
			config->esn ? "" : "; esn = true has more");
	return 0;
}

int
sa_config_validate(const struct sa_config *config, size_t key_bytes, struct error *err)
{
	const struct crypto_algorithm *algorithm = crypto_algorithm_get(config->algorithm);
	const size_t key_wanted = algorithm->key_bytes + algorithm->salt_bytes;
	int rc;

	if (config->spi < SPI_MIN)
		return error_set(err, -EINVAL,
			"spi: %u is reserved (RFC 4303); use %u to 4294967295", config->spi,
			SPI_MIN);
	if (key_bytes != key_wanted)
		return error_set(err, -EINVAL,
			"key: %zu bytes, but %s takes %zu (%zu hex digits): a key of %u bytes, "
			"then a salt of %u",
			key_bytes, algorithm->name, key_wanted, 2 * key_wanted,
			algorithm->key_bytes, algorithm->salt_bytes);
	if (config->worker != SA_WORKER_ANY && config->worker >= WORKERS_MAX)
		return error_set(err, -EINVAL, "worker: %u is not possible; 0 to %u",
			config->worker, WORKERS_MAX - 1);
	rc = direction_validate(config, err);
	if (rc == 0)
		rc = lifetime_validate("seconds", config->soft.seconds, config->hard.seconds, err);
	if (rc == 0)
		rc = lifetime_validate("bytes", config->soft.bytes, config->hard.bytes, err);
	if (rc == 0)
		rc = lifetime_validate("packets", config->soft.packets, config->hard.packets, err);
	return rc;
}

static void
hot_init(struct sa *sa, const struct sa_config *config)
{
	struct sa_hot *hot = &sa->hot;

	hot->hard_packets = config->hard.packets != 0 ? config->hard.packets : UINT64_MAX;
	hot->hard_bytes = config->hard.bytes != 0 ? config->hard.bytes : UINT64_MAX;
	hot->seq_more = UINT64_MAX;
	if (config->direction == SA_IN) {
		replay_window_init(&hot->window, config->replay_window, (uint64_t *)(sa + 1));
		return;
	}
	hot->seq_next = config->seq != 0 ? config->seq : 1;
	hot->seq_limit = sa_sequence_end(config->esn);
	if (sa->state != NULL)
		seq_state_start(sa->state, hot);
}

int
sa_create(const struct sa_config *config, const struct ip_addr *local, enum sa_payload payload,
	uint16_t owner, struct crypto_engine *engine, struct seq_state_entry *state, int socket,
	struct sa **out, struct error *err)
{
	const struct crypto_algorithm *algorithm = crypto_algorithm_get(config->algorithm);
	const size_t words =
		config->direction == SA_IN ? replay_window_words(config->replay_window) : 0;
	struct sa *sa = rte_zmalloc_socket(
		"sa", sizeof(*sa) + words * sizeof(uint64_t), RTE_CACHE_LINE_SIZE, socket);

	if (sa == NULL)
		return error_set(err, -ENOMEM, "no memory for another SA");
	sa->session = engine->ops->session_create(engine, algorithm,
		config->direction == SA_OUT ? CRYPTO_ENCRYPT : CRYPTO_DECRYPT, config->key,
		esp_aad_bytes(config->esn), err);
	if (sa->session == NULL) {
		rte_free(sa);
		return -ENOTSUP;
	}
	sa->spi_be = rte_cpu_to_be_32(config->spi);
	memcpy(&sa->salt, config->key + algorithm->key_bytes, sizeof(sa->salt));
	sa->owner = owner;
	sa->direction = (uint8_t)config->direction;
	sa->payload = (uint8_t)payload;
	sa->iv_bytes = algorithm->iv_bytes;
	sa->icv_bytes = algorithm->icv_bytes;
	sa->align = algorithm->align;
	sa->esn = config->esn;
	sa->overhead = (uint16_t)(ESP_HEADER_BYTES + algorithm->iv_bytes);
	sa->engine = engine;
	sa->local = *local;
	sa->state = state;
	sa->soft = config->soft;
	sa->created_tsc = rte_rdtsc();
	hot_init(sa, config);
	*out = sa;
	return 0;
}

void
sa_destroy(struct sa *sa)
{
	if (sa == NULL)
		return;
	sa->engine->ops->session_destroy(sa->engine, sa->session);
	/* the salt is part of the key material */
	crypto_wipe(sa, sizeof(*sa));
	rte_free(sa);
}
