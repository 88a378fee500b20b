/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From wire to inner packet, through the whole gateway. An input is a row of packets, each behind a
 * struct recipe: either a frame as it comes from the wire, or a plaintext that the harness seals
 * with the right key, so that what lies behind the integrity check is reached as well. Each buffer
 * touches a forbidden page. What was not sealed does not come out on the protected side, and every
 * buffer comes back.
 */
#include <stdlib.h>

#include "inbound.h"

enum { PACKETS_MAX = 16 };

static const size_t length_max = 4096;

struct recipe {
	uint8_t which; /* case; SEALED: what follows is a plaintext */
	uint8_t shape; /* enum shape_flag */
	uint8_t first, segment;
	uint16_t length;
};

enum { SEALED = 0x80 };

enum shape_flag {
	GUARD_IN_FRONT = 1 << 0,
	IN_SEGMENTS = 1 << 1,
	TURN_NOW = 1 << 2, /* not in one burst with the next one */
	CHECKSUM = 1 << 3, /* spares the fuzzer to find out checksums */
};

/*
 * The engine, behind a mask over all ICVs: libFuzzer looks into every memcmp, finds there the ICV
 * that would have been right, and writes it into its next input. The mask it does not see.
 */
struct masked_engine {
	struct crypto_engine engine;
	struct crypto_engine *inner;
};

/* Packets of every case, made once, with which the mutator begins. */
static struct {
	struct inbound in;
	struct masked_engine masked;
	struct packet frames[INBOUND_CASES], texts[INBOUND_CASES];
} fuzz;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
const char *__asan_default_options(void);

/* The gateway lives to the end; what it has is known only to EAL's memory, where nobody looks. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* Not assert(), which a release build leaves out. */
static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
mask(uint8_t *icv)
{
	for (uint8_t i = 0; i < 16; i++)
		icv[i] ^= (uint8_t)(0x5a + 37 * i);
}

static uint16_t
masked_process(struct crypto_engine *engine, uint16_t worker, struct crypto_burst *burst)
{
	struct crypto_engine *inner = ((struct masked_engine *)engine)->inner;

	for (uint16_t i = 0; i < burst->n; i++)
		mask(burst->icv[i]);
	return inner->ops->process(inner, worker, burst);
}

/* Nothing of it is ever taken down. */
static void
mask_engine(void)
{
	static const struct crypto_engine_ops ops = {.name = "masked", .process = masked_process};

	fuzz.masked = (struct masked_engine){{&ops}, fuzz.in.f.g->engine};
	for (uint32_t i = 0; i < fuzz.in.f.g->sas.used; i++)
		fuzz.in.f.g->sas.places[i].sa->engine = &fuzz.masked.engine;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stage_fixture_eal("fuzz_inbound", 1);
	inbound_open(&fuzz.in, "cryptodev");
	mask_engine();
	for (unsigned int i = 0; i < INBOUND_CASES; i++) {
		inbound_envelope(&fuzz.in, i, &fuzz.frames[i]);
		mask(fuzz.frames[i].bytes + fuzz.frames[i].n - 16);
		inbound_text(&fuzz.in, i, &fuzz.texts[i]);
	}
	return 0;
}

static void
checksum(struct packet *p, uint32_t at)
{
	static struct packet ip;

	if (p->n <= at)
		return;
	ip.n = p->n - at;
	memcpy(ip.bytes, p->bytes + at, ip.n);
	packet_checksum(&ip);
	memcpy(p->bytes + at, ip.bytes, ip.n);
}

static void
try_packet(const struct recipe *r, const uint8_t *bytes)
{
	static struct packet packet, frame;
	struct stage_shape shape = {
		.kind = r->shape & GUARD_IN_FRONT ? SHAPE_GUARD_BEFORE : SHAPE_GUARD_AFTER};

	if (r->shape & IN_SEGMENTS) {
		shape.first = (uint16_t)(r->first + INBOUND_HEADER);
		shape.segment = RTE_MAX(r->segment, 32);
	}
	packet.n = r->length;
	memcpy(packet.bytes, bytes, packet.n);
	if (r->shape & CHECKSUM)
		checksum(&packet, r->which & SEALED ? 0 : INBOUND_HEADER);
	if (r->which & SEALED) {
		while (packet.n % 4 || packet.n == 0)
			packet.bytes[packet.n++] = 0;
		inbound_seal(&fuzz.in, (r->which & ~SEALED) % INBOUND_CASES, &packet, &frame);
		mask(frame.bytes + frame.n - 16);
	}
	inbound_put(&fuzz.in, r->which & SEALED ? &frame : &packet, &shape);
}

/* Nothing waits for fragments or neighbours any more. */
static void
settle(void)
{
	const struct rte_mempool *pool = fuzz.in.f.w->pool;

	if (rte_mempool_avail_count(pool) != pool->size)
		inbound_settle(&fuzz.in);
	must(rte_mempool_avail_count(pool) == pool->size, "packet buffers are missing");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct limiter *errors = &fuzz.in.f.g->error_limit;
	bool sealed = false;
	struct recipe r;

	for (int i = 0; i < PACKETS_MAX && size >= sizeof(r); i++) {
		memcpy(&r, data, sizeof(r));
		data += sizeof(r);
		size -= sizeof(r);
		r.length = (uint16_t)RTE_MIN(RTE_MIN((size_t)r.length, length_max), size);
		sealed |= r.which & SEALED;
		/* our own messages about a forged packet may go anywhere: where nobody may send
		 * anything through they would be in the judge's way */
		errors->rate = sealed ? 1000 : 0;
		errors->tokens = errors->rate;
		try_packet(&r, data);
		if (r.shape & TURN_NOW)
			must(inbound_turn(&fuzz.in, sealed) == 0, "forged");
		data += r.length;
		size -= r.length;
	}
	must(inbound_turn(&fuzz.in, sealed) == 0, "forged");
	settle();
	return 0;
}

/* Now and then a valid packet: what the fuzzer could never find. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	unsigned int which = seed / 16 % INBOUND_CASES;
	bool sealed = seed & 8;
	const struct packet *p = sealed ? &fuzz.texts[which] : &fuzz.frames[which];
	struct recipe r = {(uint8_t)(which | (sealed ? SEALED : 0)), (uint8_t)(seed >> 8),
		(uint8_t)(seed >> 16), (uint8_t)(seed >> 24), (uint16_t)p->n};

	if (seed % 8 == 0 && size + sizeof(r) + p->n <= max_size) {
		memcpy(data + size, &r, sizeof(r));
		memcpy(data + size + sizeof(r), p->bytes, p->n);
		size += sizeof(r) + p->n;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
