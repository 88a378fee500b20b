/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "spool.h"
#include "wall.h"

enum {
	SPOOL_BYTES = 4 << 20,
	FILE_BUFFER = 1 << 18,
	PAUSE_NS = 2 * 1000 * 1000,
	ORDER_MS = 1, /* a writer may take so long between reading the time and committing */
};

/* One of the file's. Packets that died are on interfaces of their own, behind those of the ports.
 */
struct interface {
	bool written;
	uint32_t number;   /* in the file */
	uint64_t received; /* written */
};

struct capture {
	struct capture_params params;
	char *path;
	char **names, **descriptions;
	FILE *file;
	pthread_t thread;
	struct spool *spools; /* by writer */
	uint64_t *lost;       /* by writer and interface: atomic, the writer's */
	struct interface *interfaces;
	uint32_t n_interfaces, n_written;
	struct wall wall;
	int64_t start_ns, last_ns;
	bool stopping; /* atomic; the control lcore's */
	/* atomic; the thread's */
	bool done, finished;
	int error;
	uint64_t packets, bytes;
};

const char *const capture_side_names[CAPTURE_SIDES] = {"raw", "wild", "drops"};

/* --- the thread */

static uint32_t
interface_of(const struct capture *c, uint16_t port, enum pcapng_link link)
{
	if (c->params.side != CAPTURE_DROPS && port != CAPTURE_NO_PORT)
		return port;
	return c->params.n_ports + (link == PCAPNG_ETHERNET);
}

static uint64_t
interface_write(struct capture *c, uint32_t index, enum pcapng_link link)
{
	const char *name = "drops", *description = "packets that died";

	if (c->interfaces[index].written)
		return 0;
	if (index < c->params.n_ports) {
		name = c->names[index];
		description = c->descriptions[index];
	} else if (link == PCAPNG_ETHERNET) {
		name = "drops-frames";
		description = "frames that died";
	}
	c->interfaces[index].written = true;
	c->interfaces[index].number = c->n_written++;
	return pcapng_interface(c->file, link, name, description, c->params.snap);
}

static const char *
comment_of(const struct capture *c, const struct capture_packet *p, uint16_t writer, char *text,
	size_t size)
{
	int n;

	if (p->reason == DROP_NONE)
		return NULL;
	n = snprintf(text, size, "%s: %s; ", drop_name(p->reason), drop_text(p->reason));
	if (writer + 1 == c->params.writers)
		n += snprintf(text + n, size - (size_t)n, "control lcore");
	else
		n += snprintf(text + n, size - (size_t)n, "worker %u", writer);
	if (p->tunnel[0])
		n += snprintf(text + n, size - (size_t)n, ", tunnel %s", p->tunnel);
	if (p->has_sa)
		n += snprintf(text + n, size - (size_t)n, ", SPI 0x%08" PRIx32 " sequence %" PRIu64,
			p->spi, p->sequence);
	if (p->port < c->params.n_ports && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, ", port %s", c->names[p->port]);
	return text;
}

static bool
is_over(const struct capture *c)
{
	const struct capture_params *p = &c->params;

	return (p->packets && c->packets >= p->packets) || (p->bytes && c->bytes >= p->bytes);
}

static void
count(struct capture *c, uint64_t packets, uint64_t bytes)
{
	__atomic_store_n(&c->packets, c->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
	if (ferror(c->file) && !c->error)
		__atomic_store_n(&c->error, errno ? errno : EIO, __ATOMIC_RELAXED);
	if (c->error || is_over(c))
		__atomic_store_n(&c->done, true, __ATOMIC_RELAXED);
}

static void
packet_write(struct capture *c, const struct capture_packet *p, uint16_t writer)
{
	const uint32_t index = interface_of(c, p->port, p->link);
	char comment[512];
	struct pcapng_packet out = {.ns = wall_ns(&c->wall, p->tsc),
		.bytes = p->bytes,
		.captured = p->captured,
		.length = p->length,
		.direction = p->direction,
		.comment = comment_of(c, p, writer, comment, sizeof(comment))};
	uint64_t bytes;

	if (c->done || p->taken_back)
		return;
	/* the clocks are compared again and again: what that corrects is no step back in time */
	if (out.ns < c->last_ns && c->last_ns - out.ns < 1000 * 1000)
		out.ns = c->last_ns;
	c->last_ns = out.ns;
	bytes = interface_write(c, index, p->link);
	out.interface = c->interfaces[index].number;
	bytes += pcapng_write(c->file, &out);
	c->interfaces[index].received++;
	count(c, 1, bytes);
}

/* The writer whose next packet is the oldest, and not younger than cut. */
static const struct capture_packet *
oldest(struct capture *c, uint64_t cut, uint16_t *writer)
{
	const struct capture_packet *first = NULL;
	uint32_t n;

	for (uint16_t i = 0; i < c->params.writers; i++) {
		const struct capture_packet *p = spool_peek(&c->spools[i], &n);

		if (!p || (int64_t)(p->tsc - cut) > 0 ||
			(first && (int64_t)(p->tsc - first->tsc) >= 0))
			continue;
		first = p;
		*writer = i;
	}
	return first;
}

static uint32_t
drain(struct capture *c, uint64_t cut)
{
	const struct capture_packet *p;
	uint16_t writer = 0;
	uint32_t n = 0;

	for (; (p = oldest(c, cut, &writer)); n++) {
		packet_write(c, p, writer);
		spool_release(&c->spools[writer]);
	}
	return n;
}

static uint64_t
lost_of(const struct capture *c, uint32_t interface)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < c->params.writers; i++)
		sum += __atomic_load_n(&c->lost[i * c->n_interfaces + interface], __ATOMIC_RELAXED);
	return sum;
}

static void
finish(struct capture *c)
{
	for (uint32_t i = 0; i < c->n_interfaces; i++) {
		const struct pcapng_statistics s = {.interface = c->interfaces[i].number,
			.start_ns = c->start_ns,
			.end_ns = wall_ns(&c->wall, rte_rdtsc()),
			.received = c->interfaces[i].received + lost_of(c, i),
			.dropped = lost_of(c, i)};

		if (c->interfaces[i].written)
			count(c, 0, pcapng_statistics(c->file, &s));
	}
	if (fclose(c->file) != 0 && !c->error)
		__atomic_store_n(&c->error, errno, __ATOMIC_RELAXED);
	__atomic_store_n(&c->done, true, __ATOMIC_RELAXED);
	__atomic_store_n(&c->finished, true, __ATOMIC_RELEASE);
}

static void *
thread_main(void *arg)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct capture *c = arg;
	bool stopping;

	do {
		stopping = __atomic_load_n(&c->stopping, __ATOMIC_ACQUIRE);
		wall_read(&c->wall);
		if (drain(c, rte_rdtsc() - (stopping ? 0 : rte_get_tsc_hz() / 1000 * ORDER_MS)))
			continue;
		fflush(c->file);
		if (!stopping)
			nanosleep(&pause, NULL);
	} while (!stopping);
	finish(c);
	return NULL;
}

/* --- the control lcore */

static char **
copy_texts(const char *const *texts, uint16_t n)
{
	char **copy = calloc(n + 1u, sizeof(*copy));

	for (uint16_t i = 0; copy && i < n; i++)
		copy[i] = strdup(texts[i]);
	return copy;
}

static void
free_texts(char **texts)
{
	for (char **t = texts; t && *t; t++)
		free(*t);
	free(texts);
}

static int
file_open(struct capture *c, struct error *err)
{
	/* never over a file that is there, whoever put it there */
	int fd = open(c->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, -errno, "%s: %s", c->path,
			errno == EEXIST ? "exists already; a capture makes a new file"
					: strerror(errno));
	c->file = fdopen(fd, "wb");
	if (!c->file) {
		close(fd);
		return error_set(err, -ENOMEM, "no memory");
	}
	setvbuf(c->file, NULL, _IOFBF, FILE_BUFFER);
	return 0;
}

static int
memory_get(struct capture *c, const struct capture_params *params)
{
	c->path = strdup(params->path);
	c->names = copy_texts(params->port_names, params->n_ports);
	c->descriptions = copy_texts(params->port_descriptions, params->n_ports);
	c->n_interfaces = params->n_ports + 2u;
	c->interfaces = calloc(c->n_interfaces, sizeof(*c->interfaces));
	c->lost = calloc((size_t)c->n_interfaces * params->writers, sizeof(*c->lost));
	c->spools = calloc(params->writers, sizeof(*c->spools));
	if (!c->path || !c->names || !c->descriptions || !c->interfaces || !c->lost || !c->spools)
		return -ENOMEM;
	for (uint16_t i = 0; i < params->writers; i++)
		if (spool_init(&c->spools[i], SPOOL_BYTES) != 0)
			return -ENOMEM;
	return 0;
}

static void
section_write(struct capture *c)
{
	char comment[128];

	snprintf(comment, sizeof(comment), "espgw capture of: %s",
		capture_side_names[c->params.side]);
	c->bytes = pcapng_section(c->file, "espgw " ESPGW_VERSION, comment);
}

int
capture_start(const struct capture_params *params, struct capture **out, struct error *err)
{
	struct capture *c = calloc(1, sizeof(*c));
	int rc = error_set(err, -ENOMEM, "no memory for a capture");

	if (!c)
		return rc;
	c->params = *params;
	c->params.snap = params->snap ? params->snap : CAPTURE_SNAP_MAX;
	if (memory_get(c, params) != 0)
		goto fail;
	rc = file_open(c, err);
	if (rc != 0)
		goto fail;
	c->params.path = c->path;
	c->params.port_names = NULL;
	c->params.port_descriptions = NULL;
	wall_start(&c->wall);
	c->start_ns = c->wall.ns;
	section_write(c);
	/* not on a worker's CPU, where there are others */
	if (rte_ctrl_thread_create(&c->thread, "espgw-capture", NULL, thread_main, c) != 0) {
		rc = error_set(err, -EAGAIN, "no thread for a capture");
		fclose(c->file);
		unlink(c->path);
		goto fail;
	}
	*out = c;
	return 0;
fail:
	capture_free(c);
	return rc;
}

void
capture_finish(struct capture *c)
{
	__atomic_store_n(&c->stopping, true, __ATOMIC_RELEASE);
}

bool
capture_is_finished(const struct capture *c)
{
	return __atomic_load_n(&c->finished, __ATOMIC_ACQUIRE);
}

void
capture_stop(struct capture *c)
{
	capture_finish(c);
	pthread_join(c->thread, NULL);
}

void
capture_free(struct capture *c)
{
	if (!c)
		return;
	for (uint16_t i = 0; c->spools && i < c->params.writers; i++)
		spool_free(&c->spools[i]);
	free(c->spools);
	free(c->lost);
	free(c->interfaces);
	free_texts(c->names);
	free_texts(c->descriptions);
	free(c->path);
	free(c);
}

const struct capture_params *
capture_params(const struct capture *c)
{
	return &c->params;
}

struct capture_stats
capture_stats(const struct capture *c)
{
	struct capture_stats s = {.packets = __atomic_load_n(&c->packets, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&c->bytes, __ATOMIC_RELAXED),
		.done = capture_is_done(c),
		.error = __atomic_load_n(&c->error, __ATOMIC_RELAXED)};

	for (uint32_t i = 0; i < c->n_interfaces; i++)
		s.lost += lost_of(c, i);
	return s;
}

bool
capture_is_done(const struct capture *c)
{
	return __atomic_load_n(&c->done, __ATOMIC_RELAXED);
}

/* --- the data path */

/* n bytes from `offset` of the packet's data on; there are as many. */
static void
copy_bytes(uint8_t *to, const struct rte_mbuf *m, int32_t offset, uint32_t n)
{
	uint32_t before = offset < 0 ? RTE_MIN((uint32_t)-offset, n) : 0;
	const void *from;

	if (before)
		memcpy(to, rte_pktmbuf_mtod(m, const uint8_t *) + offset, before);
	if (n == before)
		return;
	from = rte_pktmbuf_read(m, (uint32_t)(offset + (int32_t)before), n - before, to + before);
	if (from != to + before)
		memcpy(to + before, from, n - before);
}

struct capture_packet *
capture_take(struct capture *c, uint16_t writer, const struct rte_mbuf *m, int32_t offset,
	uint16_t port, enum pcapng_link link)
{
	const uint32_t length = (uint32_t)((int32_t)m->pkt_len - offset);
	const uint32_t captured = RTE_MIN(length, c->params.snap);
	struct capture_packet *p =
		spool_reserve(&c->spools[writer], (uint32_t)sizeof(*p) + captured);
	uint64_t *lost;

	if (!p) {
		lost = &c->lost[writer * c->n_interfaces + interface_of(c, port, link)];
		__atomic_store_n(lost, *lost + 1, __ATOMIC_RELAXED);
		return NULL;
	}
	*p = (struct capture_packet){.tsc = rte_rdtsc(),
		.captured = captured,
		.length = length,
		.port = port,
		.link = (uint8_t)link,
		.reason = DROP_NONE};
	copy_bytes(p->bytes, m, offset, captured);
	return p;
}

void
capture_commit(struct capture *c, uint16_t writer)
{
	spool_commit(&c->spools[writer]);
}
