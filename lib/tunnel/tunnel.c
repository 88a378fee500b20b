/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels as objects: the table, making and freeing, MTU. Control lcore. */

#include "tunnel.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "crypto.h"
#include "esp_job.h"
#include "parse.h"

/* Of TOS and traffic class. */
enum { ECN_MASK = 0x03, DSCP_MASK = 0xfc, DSCP_SHIFT = 2 };

/* What the tunnel's MTU is until its outer route is known. */
enum { PATH_MTU_DEFAULT = 1500 };

static struct tunnel_table *
table_create(uint32_t capacity, int socket)
{
	struct tunnel_table *t =
		rte_zmalloc_socket("tunnel_table", sizeof(*t), RTE_CACHE_LINE_SIZE, socket);

	if (!t)
		return NULL;
	t->capacity = capacity;
	t->tunnels = rte_calloc_socket(
		"tunnels", capacity, sizeof(*t->tunnels), RTE_CACHE_LINE_SIZE, socket);
	t->generations = rte_calloc_socket(
		"tunnel_generations", capacity, sizeof(*t->generations), 0, socket);
	if (!t->tunnels || !t->generations) {
		tunnel_table_destroy(t);
		return NULL;
	}
	return t;
}

static struct rte_hash *
names_create(const struct tunnel_table *t, int socket)
{
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters params = {
		.name = name,
		.entries = RTE_MAX(t->capacity, 64u),
		.key_len = NAME_MAX_LEN,
		.hash_func = rte_jhash,
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE, /* never full before we are */
	};

	snprintf(name, sizeof(name), "tunnels%" PRIxPTR, (uintptr_t)t);
	return rte_hash_create(&params);
}

struct tunnel_table *
tunnel_table_create(uint32_t capacity, const struct numa_nodes *nodes, struct error *err)
{
	struct tunnel_table *first = NULL, **last = &first;

	for (uint16_t i = 0; i < nodes->n; i++) {
		*last = table_create(capacity, nodes->sockets[i]);
		if (!*last)
			goto no_memory;
		last = &(*last)->next;
	}
	if (first)
		first->by_name = names_create(first, nodes->sockets[0]);
	if (first && first->by_name)
		return first;
no_memory:
	tunnel_table_destroy(first);
	error_set(err, -ENOMEM, "no memory for a table of %u tunnels", capacity);
	return NULL;
}

void
tunnel_table_destroy(struct tunnel_table *t)
{
	for (uint32_t i = 0; t && t->tunnels && i < t->capacity; i++)
		tunnel_free(t->tunnels[i]);
	while (t) {
		struct tunnel_table *next = t->next;

		rte_hash_free(t->by_name);
		rte_free(t->generations);
		rte_free(t->tunnels);
		rte_free(t);
		t = next;
	}
}

/* What names are hashed as: no byte after the end of the text is another one's. */
struct name_key {
	char text[NAME_MAX_LEN];
};

static struct name_key
name_key(const char *name)
{
	struct name_key key = {0};

	snprintf(key.text, sizeof(key.text), "%s", name);
	return key;
}

struct tunnel *
tunnel_table_find(const struct tunnel_table *t, const char *name)
{
	struct name_key key = name_key(name);
	void *tunnel;

	return rte_hash_lookup_data(t->by_name, &key, &tunnel) >= 0 ? tunnel : NULL;
}

static void
template_fill_udp(struct rte_udp_hdr *udp, const struct tunnel_config *config)
{
	udp->src_port = rte_cpu_to_be_16(config->local_port);
	udp->dst_port = rte_cpu_to_be_16(config->remote_port);
}

static struct tunnel_rules
rules_of(const struct tunnel_config *config)
{
	bool copies_dscp = config->dscp == TUNNEL_DSCP_COPY;

	return (struct tunnel_rules){
		.tos_copied = (copies_dscp ? DSCP_MASK : 0) | (config->ecn ? ECN_MASK : 0),
		.tos_set = copies_dscp ? 0 : (uint8_t)(config->dscp << DSCP_SHIFT),
		.df_copied = config->df == TUNNEL_DF_COPY ? PKT_DF : 0,
		.df_set = config->df == TUNNEL_DF_SET ? PKT_DF : 0,
	};
}

/* After the template. view: an envelope's, but for TOS, DF and next hop. */
static void
headers_fill(struct tunnel *tunnel, const struct pkt *view)
{
	const struct rte_ipv4_hdr *ip = &tunnel->ip4;

	tunnel->headers = (struct outer){.rules = rules_of(&tunnel->config),
		.shape = {.bytes = tunnel->outer_bytes,
			.l4_offset = view->l4_offset,
			.v4 = tunnel->outer_family == 4,
			.udp = tunnel->config.carrier == TUNNEL_UDP},
		.word0 = view->word0,
		.word1 = view->word1,
		.ttl_proto = (uint32_t)ip->time_to_live << 24 | (uint32_t)ip->next_proto_id << 16,
		.src = ip->src_addr,
		.dst = ip->dst_addr,
		.sum = (uint16_t)~rte_be_to_cpu_16(ip->hdr_checksum)};
}

/* What comes in is the template of what goes out, turned round. A tunnel-mode SA takes it from
 * anywhere, and over UDP the source is looked at later. */
static void
inbound4_fill(struct tunnel *tunnel)
{
	const rte_be32_t any = 0, this = UINT32_MAX;
	uint8_t *addresses = (uint8_t *)&tunnel->inbound4;
	uint8_t *mask = (uint8_t *)&tunnel->inbound4_mask;
	bool from_anywhere =
		tunnel->encapsulation == TUNNEL_TUNNEL || tunnel->carrier == TUNNEL_UDP;

	memcpy(addresses, &tunnel->ip4.dst_addr, 4);
	memcpy(addresses + 4, &tunnel->ip4.src_addr, 4);
	memcpy(mask, from_anywhere ? &any : &this, 4);
	memcpy(mask + 4, &this, 4);
}

static void
template_fill(struct tunnel *tunnel)
{
	const struct tunnel_config *config = &tunnel->config;
	bool over_udp = config->carrier == TUNNEL_UDP;
	uint8_t proto = over_udp ? IPPROTO_UDP : IPPROTO_ESP;
	struct pkt view;

	tunnel->outer_family = config->local.family;
	if (tunnel->outer_family == 4) {
		tunnel->outer_bytes = sizeof(tunnel->ip4);
		tunnel->ip4.version_ihl = RTE_IPV4_VHL_DEF;
		tunnel->ip4.time_to_live = config->ttl;
		tunnel->ip4.next_proto_id = proto;
		memcpy(&tunnel->ip4.src_addr, config->local.bytes, 4);
		memcpy(&tunnel->ip4.dst_addr, config->remote.bytes, 4);
		tunnel->ip4.hdr_checksum = rte_ipv4_cksum(&tunnel->ip4);
	} else {
		tunnel->outer_bytes = sizeof(tunnel->ip6);
		tunnel->ip6.vtc_flow = rte_cpu_to_be_32(6u << 28);
		tunnel->ip6.proto = proto;
		tunnel->ip6.hop_limits = config->ttl;
		memcpy(tunnel->ip6.src_addr, config->local.bytes, 16);
		memcpy(tunnel->ip6.dst_addr, config->remote.bytes, 16);
	}
	if (over_udp) {
		template_fill_udp(
			tunnel->outer_family == 4 ? &tunnel->udp4 : &tunnel->udp6, config);
		tunnel->outer_bytes += sizeof(struct rte_udp_hdr);
	}
	view = (struct pkt){
		.zone = ZONE_SELF,
		.family = tunnel->outer_family,
		.proto = proto,
		.flags = PKT_PROTECTED | (tunnel->outer_family == 6 ? PKT_DF : 0),
		.ttl = config->ttl,
		.l4_offset = tunnel->outer_family == 4 ? sizeof(tunnel->ip4) : sizeof(tunnel->ip6),
		.src_port_be = over_udp ? rte_cpu_to_be_16(config->local_port) : 0,
		.dst_port_be = over_udp ? rte_cpu_to_be_16(config->remote_port) : 0,
		.table = config->outer_table,
	};
	headers_fill(tunnel, &view);
	inbound4_fill(tunnel);
	tunnel->outer_hash = parse_flow_hash(&view, tunnel->outer);
}

/* The algorithm that leaves the least of so many bytes: SAs of any algorithm may come later. */
static uint32_t
payload_max(uint32_t esp_bytes)
{
	uint32_t least = UINT32_MAX;

	for (int id = 0; id < CRYPTO_ALGORITHM_COUNT; id++)
		least = RTE_MIN(
			least, esp_payload_max(crypto_algorithm_get((enum crypto_algorithm_id)id),
				       esp_bytes));
	return least;
}

/* The longest ESP packet that carries a payload of so many bytes. */
static uint32_t
esp_bytes_max(uint32_t payload)
{
	uint32_t most = 0;

	for (int id = 0; id < CRYPTO_ALGORITHM_COUNT; id++) {
		const struct crypto_algorithm *a =
			crypto_algorithm_get((enum crypto_algorithm_id)id);
		struct esp_shape shape = {.overhead = (uint16_t)(ESP_HEADER_BYTES + a->iv_bytes),
			.icv_bytes = a->icv_bytes,
			.align = a->align};

		most = RTE_MAX(most, esp_bytes(shape, payload));
	}
	return most;
}

void
tunnel_mtu_update(struct tunnel *tunnel, uint16_t path_mtu)
{
	uint16_t config_mtu = tunnel->config.mtu;
	uint32_t inner = 0, outer = path_mtu;

	if (path_mtu > tunnel->outer_bytes)
		inner = payload_max(path_mtu - tunnel->outer_bytes);
	if (config_mtu && config_mtu < inner) {
		inner = config_mtu;
		outer = RTE_MIN(outer, tunnel->outer_bytes + esp_bytes_max(config_mtu));
	}
	__atomic_store_n(&tunnel->mtu, (uint16_t)inner, __ATOMIC_RELAXED);
	__atomic_store_n(&tunnel->outer_mtu, (uint16_t)outer, __ATOMIC_RELAXED);
}

/* A tunnel and all that is its own, in one piece: each worker's part has lines of its own. */
static struct tunnel *
tunnel_alloc(const struct tunnel_config *config, uint16_t workers, int socket)
{
	size_t selectors_at = sizeof(struct tunnel) + workers * sizeof(struct tunnel_worker);
	size_t selectors_bytes = config->n_selectors * sizeof(*config->selectors);
	struct tunnel *tunnel = rte_zmalloc_socket(
		"tunnel", selectors_at + selectors_bytes, RTE_CACHE_LINE_SIZE, socket);

	if (!tunnel)
		return NULL;
	tunnel->config = *config;
	tunnel->n_workers = workers;
	tunnel->config.selectors = NULL;
	if (config->n_selectors) {
		tunnel->config.selectors = RTE_PTR_ADD(tunnel, selectors_at);
		memcpy(tunnel->config.selectors, config->selectors, selectors_bytes);
	}
	return tunnel;
}

static void
tunnel_init(struct tunnel *tunnel)
{
	const struct tunnel_config *config = &tunnel->config;
	/* A start that nobody outside can know: RFC 7739 for IPv6 fragment IDs. */
	uint32_t id = (uint32_t)rte_rand();

	tunnel->encapsulation = config->encapsulation;
	tunnel->carrier = config->carrier;
	tunnel->df = config->df;
	tunnel->table = config->table;
	tunnel->outer_table = config->outer_table;
	tunnel->selectors = config->selectors;
	tunnel->n_selectors = config->n_selectors;
	for (uint16_t w = 0; w < tunnel->n_workers; w++) {
		tunnel->workers[w].outer_id = id + w;
		tunnel->workers[w].outer_id_step = tunnel->n_workers;
	}
	template_fill(tunnel);
	tunnel->payload_max = (uint16_t)payload_max(UINT16_MAX - tunnel->outer_bytes);
	tunnel_mtu_update(tunnel, PATH_MTU_DEFAULT);
}

/* The lowest one, so that a new table gives them out in order; capacity: none. */
static uint32_t
free_index(struct tunnel_table *t)
{
	while (t->taken_below < t->capacity && t->tunnels[t->taken_below])
		t->taken_below++;
	return t->taken_below;
}

uint32_t
tunnel_table_next(struct tunnel_table *t)
{
	return free_index(t);
}

int
tunnel_successor_create(const struct tunnel *tunnel, const struct tunnel_config *config, int socket,
	struct tunnel **out, struct error *err)
{
	struct tunnel *successor = tunnel_alloc(config, tunnel->n_workers, socket);

	if (!successor)
		return error_set(err, -ENOMEM, "no memory for tunnel %s", config->name);
	successor->index = tunnel->index;
	successor->generation = tunnel->generation;
	tunnel_init(successor);
	*out = successor;
	return 0;
}

void
tunnel_succeed(struct tunnel_table *t, const struct tunnel *tunnel, struct tunnel *successor)
{
	struct name_key key = name_key(tunnel->config.name);

	/* the key is there: only its data changes */
	rte_hash_add_key_data(t->by_name, &key, successor);
	for (struct tunnel_table *each = t; each; each = each->next)
		__atomic_store_n(&each->tunnels[tunnel->index], successor, __ATOMIC_RELEASE);
}

int
tunnel_create(struct tunnel_table *t, const struct tunnel_config *config, uint16_t workers,
	int socket, struct tunnel **out, struct error *err)
{
	struct name_key key = name_key(config->name);
	struct tunnel *tunnel;
	uint32_t index;

	if (tunnel_table_find(t, config->name))
		return error_set(err, -EEXIST, "there is a tunnel %s already", config->name);
	index = free_index(t);
	if (index == t->capacity)
		return error_set(err, -ENOSPC,
			"all %u places for tunnels are taken: raise limits.tunnels", t->capacity);
	tunnel = tunnel_alloc(config, workers, socket);
	if (!tunnel)
		return error_set(err, -ENOMEM, "no memory for tunnel %s", config->name);
	tunnel->index = index;
	tunnel->generation = t->generations[index];
	tunnel_init(tunnel);
	if (rte_hash_add_key_data(t->by_name, &key, tunnel) != 0) {
		tunnel_free(tunnel);
		return error_set(err, -ENOMEM, "no memory for tunnel %s", config->name);
	}
	for (struct tunnel_table *each = t; each; each = each->next)
		__atomic_store_n(&each->tunnels[index], tunnel, __ATOMIC_RELEASE);
	*out = tunnel;
	return 0;
}

void
tunnel_retire(struct tunnel_table *t, struct tunnel *tunnel)
{
	struct name_key key = name_key(tunnel->config.name);

	rte_hash_del_key(t->by_name, &key);
	t->taken_below = RTE_MIN(t->taken_below, tunnel->index);
	for (struct tunnel_table *each = t; each; each = each->next) {
		each->generations[tunnel->index]++;
		__atomic_store_n(&each->tunnels[tunnel->index], NULL, __ATOMIC_RELEASE);
	}
}

void
tunnel_free(struct tunnel *tunnel)
{
	rte_free(tunnel);
}
