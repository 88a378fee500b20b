/* SPDX-License-Identifier: BSD-3-Clause */
#include "inbound.h"

/* clang-format off */
#define CONFIG \
	SITE_BUT_SAS \
	SITE_ALL_SAS("replay_window = 0;", ", { spi = 0x2009; direction = \"in\"; tunnel = \"ipsec0\";" \
		" algorithm = \"aes-256-gcm\"; key = \"" KEY(d9) "\"; }") \
	"icmp = { errors = 0; echo = 0; };"
/* clang-format on */

static unsigned int
kind_of(unsigned int which)
{
	return which == INBOUND_WINDOW ? 0 : which / 2;
}

static void
packets_make(struct inbound *in, unsigned int which)
{
	char far[INET6_ADDRSTRLEN];
	bool v4 = which % 2 == 0;
	struct packet_row row = {.src = far,
		.dst = v4 ? "192.168.1.10" : "2001:db8:1::10",
		.proto = which % 3 == 0 ? IPPROTO_TCP : IPPROTO_UDP,
		.bytes = (uint16_t)(96 + 7 * which),
		.src_port = (uint16_t)(5000 + which),
		.tos = 2}; /* ECT(0): the outer field may say anything */

	snprintf(far, sizeof(far), v4 ? "192.168.2%u.9" : "2001:db8:2%u::9", kind_of(which));
	packet_ip(&in->inner[which], &row);
	in->out[which] = in->inner[which];
	packet_forward(&in->out[which]);
}

void
inbound_open(struct inbound *in, const char *engine)
{
	const struct stage_setup setup = {.config = CONFIG, .engine = engine, .rings = SITE_RINGS};

	stage_fixture_open(&in->f, &setup);
	in->peer = peer_create();
	in->seq = 1;
	in->sent = in->delivered = in->answered = in->forged = 0;
	for (unsigned int i = 0; i < INBOUND_CASES; i++)
		packets_make(in, i);
}

uint32_t
inbound_close(struct inbound *in)
{
	peer_destroy(in->peer);
	return stage_fixture_close(&in->f);
}

void
inbound_trailer(struct packet *text, uint8_t next_header)
{
	uint8_t pad = -(text->n + 2) & 3;

	for (uint8_t i = 1; i <= pad; i++)
		text->bytes[text->n++] = i;
	text->bytes[text->n++] = pad;
	text->bytes[text->n++] = next_header;
}

void
inbound_text(const struct inbound *in, unsigned int which, struct packet *text)
{
	*text = in->inner[which];
	inbound_trailer(text, *text->bytes >> 4 == 4 ? IPPROTO_IPIP : IPPROTO_IPV6);
}

void
inbound_seal(
	struct inbound *in, unsigned int which, const struct packet *text, struct packet *frame)
{
	static struct packet esp, envelope;
	const struct site_kind *kind = &site_kinds[kind_of(which)];
	const struct port *wan = in->f.g->tables.ports->ports[SITE_WAN];
	struct esp_row row = {.key = (uint8_t)(0xd0 + kind_of(which)),
		.spi = 0x2000 + kind_of(which),
		.seq = in->seq++,
		.esn = kind->esn};
	const struct packet_row outer = {.src = kind->remote,
		.dst = kind->local,
		.proto = kind->udp ? IPPROTO_UDP : IPPROTO_ESP,
		.src_port = 4500,
		.dst_port = 4500};

	if (which == INBOUND_WINDOW) {
		row.key = 0xd9;
		row.spi = 0x2009;
	}
	peer_seal_text(in->peer, &row, text->bytes, text->n, &esp);
	packet_wrap(&envelope, &outer, &esp);
	frame->n = INBOUND_HEADER + envelope.n;
	port_header_write(wan, frame->bytes, wan->mac.addr_bytes, *envelope.bytes >> 4);
	memcpy(frame->bytes + INBOUND_HEADER, envelope.bytes, envelope.n);
}

void
inbound_envelope(struct inbound *in, unsigned int which, struct packet *frame)
{
	static struct packet text;

	inbound_text(in, which, &text);
	inbound_seal(in, which, &text, frame);
}

void
inbound_put(struct inbound *in, const struct packet *frame, const struct stage_shape *shape)
{
	stage_fixture_put(
		&in->f, SITE_RING_WAN, stage_fixture_buffer(&in->f, frame->bytes, frame->n, shape));
	in->sent++;
}

/* Without the ECN field, and the checksum over it. */
static void
ecn_mask(struct packet *p)
{
	if (*p->bytes >> 4 == 4) {
		p->bytes[1] &= ~3;
		p->bytes[10] = p->bytes[11] = 0;
	} else {
		p->bytes[1] &= ~0x30;
	}
}

static bool
is_genuine(const struct inbound *in, const struct packet *p)
{
	static struct packet got, wanted;

	for (unsigned int i = 0; i < INBOUND_CASES; i++) {
		if (p->n != in->out[i].n)
			continue;
		got = *p;
		wanted = in->out[i];
		ecn_mask(&got);
		ecn_mask(&wanted);
		if (memcmp(got.bytes, wanted.bytes, got.n) == 0)
			return true;
	}
	return false;
}

/* ARP and neighbour discovery: what the gateway says of its own accord, or answers. */
static bool
is_link_talk(const struct packet *p)
{
	if (p->n < 20 || *p->bytes >> 4 < 4)
		return true;
	return *p->bytes >> 4 == 6 && p->bytes[6] == IPPROTO_ICMPV6 && p->bytes[7] == 255;
}

uint64_t
inbound_turn(struct inbound *in, bool authentic)
{
	static struct packet p;
	uint64_t forged = 0;

	stage_fixture_turn(&in->f);
	for (uint16_t ring = 0; ring < SITE_RINGS; ring++)
		while (stage_fixture_take_packet(&in->f, ring, &p)) {
			if (is_link_talk(&p)) {
				in->answered++;
				continue;
			}
			in->delivered++;
			if (ring == SITE_RING_LAN && !authentic && !is_genuine(in, &p))
				forged++;
		}
	in->forged += forged;
	return forged;
}

/* Counts what waits for fragments; frees it. */
static uint64_t
end_reassembly(struct worker *w)
{
	struct rte_mbuf *dead[FRAG_MAX];
	uint64_t total = 0;
	uint16_t n;

	do {
		reassembly_age(w->reassembly, w->now_tsc + (UINT64_C(1) << 50), dead, &n);
		rte_pktmbuf_free_bulk(dead, n);
		total += n;
	} while (n);
	return total;
}

bool
inbound_settle(struct inbound *in)
{
	const uint64_t now = now_ms() + 3600 * 1000;

	in->sent -= end_reassembly(in->f.w);
	/* three questions without an answer, and three more for the error that says so */
	for (int i = 1; i <= 10; i++) {
		neigh_tick(in->f.g->neighbours, now + i * 10000);
		inbound_turn(in, true);
	}
	return in->sent == in->delivered + stage_fixture_drops_all(&in->f);
}
