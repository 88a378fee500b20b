/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of a neighbour in the course of time: RFC 4861 7.3, for both families. Each scenario
 * is a list of steps; what a step must lead to is written as the fixture notes it.
 */
#include <errno.h>

#include "fixture.h"

enum act {
	RESOLVE, /* packet number `packet` needs the neighbour `name` */
	PIN,
	UNPIN,
	INPUT, /* the golden packet `name` comes in */
	TICK,
	SET_STATIC, /* with a MAC address that ends in 97 */
	DELETE_STATIC,
	DOWN,
	UP, /* and announced */
};

struct step {
	uint32_t now;
	enum act act;
	const char *name;
	uint8_t packet;
	const char *expect;
};

static const struct neigh_params params = {.capacity = 3,
	.queue = 2,
	.queue_total = 3,
	.reachable_ms = 30000,
	.stale_ms = 600000,
	.retransmit_ms = 1000,
	.attempts = 3};

static void
do_resolve(struct fixture *f, uint16_t port, const struct ip_addr *addr, const struct step *s)
{
	static const uint8_t nothing[20];

	neigh_resolve(f->table, port, addr, packet(f, nothing, s->packet), s->now);
}

static void
do_step(struct fixture *f, const struct step *s)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x97};
	struct port *p = f->ports->ports[OUR_PORT];
	const struct golden *g;
	struct ip_addr addr = {0};
	uint16_t port;

	if (s->act != INPUT && s->name)
		assert_int_equal(ip_addr_parse(s->name, &addr), 0);
	port = addr.bytes[0] == 198 || addr.bytes[5] == 7 ? VLAN_PORT : OUR_PORT;
	switch (s->act) {
	case RESOLVE:
		do_resolve(f, port, &addr, s);
		break;
	case PIN:
		neigh_pin(f->table, port, &addr, s->now);
		break;
	case UNPIN:
		neigh_unpin(f->table, port, &addr);
		break;
	case INPUT:
		g = received_find(s->name);
		input(f, OUR_PORT, g->data, g->bytes, s->now);
		break;
	case TICK:
		neigh_tick(f->table, s->now);
		break;
	case SET_STATIC:
		assert_int_equal(neigh_static_add(f->table, port, &addr, mac, NULL), 0);
		break;
	case DELETE_STATIC:
		assert_int_equal(neigh_static_delete(f->table, port, &addr, NULL), 0);
		break;
	case DOWN:
		p->link_up = false;
		neigh_port_down(f->table, OUR_PORT);
		break;
	case UP:
		p->link_up = true;
		neigh_announce(f->table, OUR_PORT);
		break;
	}
}

static void
run(struct fixture *f, const struct step *steps, size_t n)
{
	open_table(f, &params);
	for (size_t i = 0; i < n; i++) {
		f->log[0] = '\0';
		do_step(f, &steps[i]);
		if (strcmp(f->log, steps[i].expect) != 0)
			fail_msg("step %zu (%u ms, %s):\n  %s\nis not\n  %s", i, steps[i].now,
				steps[i].name ? steps[i].name : "-", f->log, steps[i].expect);
	}
	f->ports->ports[OUR_PORT]->link_up = true;
	close_table(f);
}

#define RUN(...)                                                                                   \
	do {                                                                                       \
		static const struct step steps[] = {__VA_ARGS__};                                  \
		run(*state, steps, RTE_DIM(steps));                                                \
	} while (0)

#define H4 "192.0.2.99"
#define H6 "2001:db8::99"

static void
test_resolve(void **state)
{
	RUN({0, RESOLVE, H4, 1, "arp who 99"}, {10, RESOLVE, H4, 2, ""}, {999, TICK, NULL, 0, ""},
		{1000, TICK, NULL, 0, "arp who 99"},
		{1500, INPUT, "arp reply", 0, "+99/99; >1; >2; x local_handled"},
		{1600, RESOLVE, H4, 3, ">3"});
	RUN({0, RESOLVE, H6, 1, "ns who 99"}, {10, RESOLVE, H6, 2, ""}, {999, TICK, NULL, 0, ""},
		{1000, TICK, NULL, 0, "ns who 99"},
		{1400, INPUT, "na solicited without mac", 0, "x local_handled"},
		{1500, INPUT, "na solicited", 0, "+99/99; >1; >2; x local_handled"},
		{1600, RESOLVE, H6, 3, ">3"});
	/* off the link, and on a VLAN: which address of ours asks */
	RUN({0, RESOLVE, "203.0.113.7", 1, "arp who off"});
	RUN({0, RESOLVE, "2001:db8:f::7", 1, "ns who off"});
	RUN({0, RESOLVE, "fe80::99", 1, "ns who link-local"});
	RUN({0, RESOLVE, "198.51.100.99", 1, "arp vlan who"});
	RUN({0, RESOLVE, "2001:db8:7::99", 1, "ns vlan who"});
	/* the neighbour's own question tells its address too, but not that it is reachable */
	RUN({0, RESOLVE, H4, 1, "arp who 99"},
		{5, INPUT, "arp request", 0, "+99/99; >1; arp reply; x local_handled"},
		{10, RESOLVE, H4, 2, ">2; arp probe 99"});
	RUN({0, RESOLVE, H6, 1, "ns who 99"},
		{5, INPUT, "ns", 0, "+99/99; >1; na reply; x local_handled"},
		{10, RESOLVE, H6, 2, ">2; ns probe 99"});
	/* a host that hides its address asks for ours: known, so answered */
	RUN({0, INPUT, "ns", 0, "+99/99; na reply; x local_handled"},
		{5, INPUT, "ns unicast", 0, "na reply; x local_handled"});
}

static void
test_no_answer(void **state)
{
	RUN({0, RESOLVE, H4, 1, "arp who 99"}, {1000, TICK, NULL, 0, "arp who 99"},
		{2000, TICK, NULL, 0, "arp who 99"}, {2999, TICK, NULL, 0, ""},
		{2999, RESOLVE, H4, 2, ""},
		{3000, TICK, NULL, 0, "x1 neighbour_failed; x2 neighbour_failed; -99"},
		{3500, RESOLVE, H4, 3, "x3 neighbour_failed"}, {4000, TICK, NULL, 0, ""},
		{4001, RESOLVE, H4, 4, "arp who 99"});
	RUN({0, RESOLVE, H6, 1, "ns who 99"}, {1000, TICK, NULL, 0, "ns who 99"},
		{2000, TICK, NULL, 0, "ns who 99"},
		{3000, TICK, NULL, 0, "x1 neighbour_failed; -99"},
		{3500, INPUT, "na solicited", 0, "+99/99; x local_handled"},
		{3600, RESOLVE, H6, 3, ">3"});
}

static void
test_gateway(void **state)
{
	/* kept reachable, without traffic */
	RUN({0, PIN, H4, 0, "arp who 99"}, {1, INPUT, "arp reply", 0, "+99/99; x local_handled"},
		{30000, TICK, NULL, 0, ""}, {30001, TICK, NULL, 0, "arp probe 99"},
		{30002, INPUT, "arp reply", 0, "x local_handled"}, {60001, TICK, NULL, 0, ""},
		{60002, TICK, NULL, 0, "arp probe 99"}, {61002, TICK, NULL, 0, "arp probe 99"},
		{62002, TICK, NULL, 0, "arp probe 99"},
		/* lost, and asked for again and again, with longer waits */
		{63002, TICK, NULL, 0, "-99"}, {64001, TICK, NULL, 0, ""},
		{64002, TICK, NULL, 0, "arp who 99"}, {65002, TICK, NULL, 0, "arp who 99"},
		{66002, TICK, NULL, 0, "arp who 99"}, {67002, TICK, NULL, 0, "-99"},
		{69001, TICK, NULL, 0, ""}, {69002, TICK, NULL, 0, "arp who 99"},
		{69003, INPUT, "arp reply", 0, "+99/99; x local_handled"});
	RUN({0, PIN, H6, 0, "ns who 99"}, {1, INPUT, "na solicited", 0, "+99/99; x local_handled"},
		{30001, TICK, NULL, 0, "ns probe 99"},
		{30002, INPUT, "na solicited without mac", 0, "x local_handled"},
		{60001, TICK, NULL, 0, ""}, {60002, TICK, NULL, 0, "ns probe 99"});
	/* references are counted: pinned twice, it stays pinned when one goes */
	RUN({0, PIN, H4, 0, "arp who 99"}, {0, PIN, H4, 0, ""},
		{1, INPUT, "arp reply", 0, "+99/99; x local_handled"}, {2, UNPIN, H4, 0, ""},
		{30001, TICK, NULL, 0, "arp probe 99"},
		{30002, INPUT, "arp reply", 0, "x local_handled"}, {30003, UNPIN, H4, 0, ""},
		{30003, UNPIN, H4, 0, ""}, {60002, TICK, NULL, 0, ""}, {90000, TICK, NULL, 0, ""});
	/* one that came back is asked again soon when it goes anew */
	RUN({0, PIN, H4, 0, "arp who 99"}, {1000, TICK, NULL, 0, "arp who 99"},
		{2000, TICK, NULL, 0, "arp who 99"}, {3000, TICK, NULL, 0, "-99"},
		{3001, INPUT, "arp reply", 0, "+99/99; x local_handled"},
		{33001, TICK, NULL, 0, "arp probe 99"}, {34001, TICK, NULL, 0, "arp probe 99"},
		{35001, TICK, NULL, 0, "arp probe 99"}, {36001, TICK, NULL, 0, "-99"},
		{37000, TICK, NULL, 0, ""}, {37001, TICK, NULL, 0, "arp who 99"});
	/* a failed gateway that no route needs any more is forgotten */
	RUN({0, PIN, H4, 0, "arp who 99"}, {1000, TICK, NULL, 0, "arp who 99"},
		{2000, TICK, NULL, 0, "arp who 99"}, {3000, TICK, NULL, 0, "-99"},
		{3001, UNPIN, H4, 0, ""}, {4000, TICK, NULL, 0, ""}, {9000, TICK, NULL, 0, ""},
		{9001, RESOLVE, H4, 1, "arp who 99"});
	/* one that became a gateway while it was in doubt is asked at once */
	RUN({0, INPUT, "arp request", 0, "+99/99; arp reply; x local_handled"},
		{1, PIN, H4, 0, "arp probe 99"});
}

static void
test_age(void **state)
{
	/* a host is left alone until it is old, and forgotten when it is silent then */
	RUN({0, RESOLVE, H4, 1, "arp who 99"},
		{1, INPUT, "arp reply", 0, "+99/99; >1; x local_handled"},
		{30001, TICK, NULL, 0, ""}, {630000, TICK, NULL, 0, ""},
		{630001, TICK, NULL, 0, "arp probe 99"}, {631001, TICK, NULL, 0, "arp probe 99"},
		{632001, TICK, NULL, 0, "arp probe 99"}, {633001, TICK, NULL, 0, "-99"},
		{633002, RESOLVE, H4, 2, "arp who 99"});
	/* one that answers stays */
	RUN({0, INPUT, "ns", 0, "+99/99; na reply; x local_handled"},
		{600000, TICK, NULL, 0, "ns probe 99"},
		{600001, INPUT, "na solicited", 0, "x local_handled"},
		{600002, RESOLVE, H6, 1, ">1"}, {630001, TICK, NULL, 0, ""},
		{630002, RESOLVE, H6, 2, ">2; ns probe 99"});
}

static void
test_moved(void **state)
{
	/* RFC 4861 7.2.5: without the override flag a new address only raises doubt */
	RUN({0, RESOLVE, H6, 1, "ns who 99"},
		{1, INPUT, "na solicited", 0, "+99/99; >1; x local_handled"},
		{2, INPUT, "na no override new", 0, "x local_handled"},
		{3, RESOLVE, H6, 2, ">2; ns probe 99"},
		{4, INPUT, "na solicited no override new", 0, "x local_handled"},
		{5, INPUT, "na unsolicited new", 0, "+99/98; x local_handled"},
		{6, RESOLVE, H6, 3, ">3; ns probe 99 new"},
		{7, INPUT, "na unsolicited", 0, "+99/99; x local_handled"},
		{8, INPUT, "ns new", 0, "+99/98; na reply new; x local_handled"});
	RUN({0, RESOLVE, H4, 1, "arp who 99"},
		{1, INPUT, "arp reply", 0, "+99/99; >1; x local_handled"},
		{2, INPUT, "arp gratuitous", 0, "x local_handled"}, {3, RESOLVE, H4, 2, ">2"},
		{4, INPUT, "arp gratuitous new", 0, "+99/98; x local_handled"},
		{5, RESOLVE, H4, 3, ">3; arp probe 99 new"});
	/* a gateway that moved is asked at once */
	RUN({0, PIN, H4, 0, "arp who 99"}, {1, INPUT, "arp reply", 0, "+99/99; x local_handled"},
		{2, INPUT, "arp gratuitous new", 0, "+99/98; x local_handled"},
		{3, TICK, NULL, 0, "arp probe 99 new"});
}

static void
test_static(void **state)
{
	RUN({0, SET_STATIC, H4, 0, "+99/97"}, {0, RESOLVE, H4, 1, ">1"},
		{1, INPUT, "arp gratuitous new", 0, "x local_handled"},
		{2, INPUT, "arp request", 0, "arp reply; x local_handled"},
		{4000000, TICK, NULL, 0, ""}, {4000001, DOWN, NULL, 0, ""},
		{4000002, RESOLVE, H4, 2, ">2"}, {4000003, DELETE_STATIC, H4, 0, "-99"},
		{4000004, RESOLVE, H4, 3, "arp who 99"});
	/* one that waits is served; a pinned one is asked for when it is static no more */
	RUN({0, PIN, H6, 0, "ns who 99"}, {1, RESOLVE, H6, 1, ""},
		{2, SET_STATIC, H6, 0, "+99/97; >1"}, {90000, TICK, NULL, 0, ""},
		{90001, DELETE_STATIC, H6, 0, "-99; ns who 99"});
}

static void
test_port(void **state)
{
	RUN({0, PIN, H4, 0, "arp who 99"}, {1, INPUT, "arp reply", 0, "+99/99; x local_handled"},
		{2, RESOLVE, "198.51.100.99", 1, "arp vlan who"}, {2, RESOLVE, H6, 2, "ns who 99"},
		{3, DOWN, NULL, 0, "-99; x2 tx_port_down; -99"}, {500, TICK, NULL, 0, ""},
		{600, UP, NULL, 0, "arp announce; na announce; na announce link-local"},
		{700, TICK, NULL, 0, "arp who 99"},
		{701, INPUT, "na solicited", 0, "x local_handled"},
		{702, INPUT, "arp reply", 0, "+99/99; x local_handled"});
	/* a link that comes up ends the longer waits; nothing is asked while it is down */
	RUN({0, PIN, H4, 0, "arp who 99"}, {1000, TICK, NULL, 0, "arp who 99"},
		{2000, TICK, NULL, 0, "arp who 99"}, {3000, TICK, NULL, 0, "-99"},
		{3001, DOWN, NULL, 0, "-99"}, {60000, TICK, NULL, 0, ""},
		{60001, UP, NULL, 0, "arp announce; na announce; na announce link-local"},
		{60002, TICK, NULL, 0, "arp who 99"}, {61002, TICK, NULL, 0, "arp who 99"},
		{62002, TICK, NULL, 0, "arp who 99"}, {63002, TICK, NULL, 0, "-99"},
		{64001, TICK, NULL, 0, ""}, {64002, TICK, NULL, 0, "arp who 99"});
}

static void
test_bounds(void **state)
{
	/* two packets wait for one neighbour, the newest ones; three for all */
	RUN({0, RESOLVE, H4, 1, "arp who 99"}, {0, RESOLVE, H4, 2, ""},
		{0, RESOLVE, H4, 3, "x1 neighbour_full"},
		{0, RESOLVE, "192.0.2.98", 4, "arp who 98"},
		{0, RESOLVE, "192.0.2.98", 5, "x4 neighbour_full"},
		{0, RESOLVE, "192.0.2.97", 6, "arp who 97; x6 neighbour_full"},
		{1, INPUT, "arp reply", 0, "+99/99; >2; >3; x local_handled"},
		{2, RESOLVE, "192.0.2.97", 7, ""});
	/* a stranger's question is answered, but puts out no neighbour that is reachable */
	RUN({0, PIN, "192.0.2.98", 0, "arp who 98"}, {0, PIN, "192.0.2.97", 0, "arp who 97"},
		{0, RESOLVE, H6, 1, "ns who 99"},
		{1, INPUT, "na solicited", 0, "+99/99; >1; x local_handled"},
		{2, INPUT, "arp request", 0, "arp reply; x local_handled"});
	/* the oldest that is not resolved makes room, then the oldest in doubt, and no other */
	RUN({0, RESOLVE, "192.0.2.98", 1, "arp who 98"},
		{0, RESOLVE, "192.0.2.97", 2, "arp who 97"}, {0, RESOLVE, H4, 3, "arp who 99"},
		{1, INPUT, "arp reply", 0, "+99/99; >3; x local_handled"},
		{2, RESOLVE, H6, 4, "x1 neighbour_full; -98; ns who 99"},
		{3, RESOLVE, "192.0.2.98", 5, "x2 neighbour_full; -97; arp who 98"},
		{4, SET_STATIC, H6, 0, "+99/97; >4"},
		{4, SET_STATIC, "192.0.2.98", 0, "+98/97; >5"},
		{5, RESOLVE, "192.0.2.97", 6, "x6 neighbour_full"}, {40000, TICK, NULL, 0, ""},
		{40001, RESOLVE, "192.0.2.97", 7, "-99; arp who 97"},
		/* a gateway is worth more than a host that is reachable */
		{40002, DELETE_STATIC, H6, 0, "-99"}, {40002, RESOLVE, H4, 8, "arp who 99"},
		{40003, INPUT, "arp reply", 0, "+99/99; >8; x local_handled"},
		{40004, PIN, "192.0.2.97", 0, ""}, {40005, PIN, H6, 0, "-99; ns who 99"},
		/* and nothing is worth more than a gateway */
		{40006, PIN, H4, 0, ""}, {40007, RESOLVE, H4, 9, "x9 neighbour_full"});
}

static void
test_defaults(void **state)
{
	static const struct {
		uint32_t now;
		const char *expect;
	} rows[] = {{999, ""}, {1000, "arp who 99"}, {2000, "arp who 99"}, {2999, ""},
		{3000, "x2 neighbour_failed; x3 neighbour_failed; x4 neighbour_failed; "
		       "x5 neighbour_failed; x6 neighbour_failed; x7 neighbour_failed; "
		       "x8 neighbour_failed; x9 neighbour_failed; -99"}};
	struct fixture *f = *state;
	struct step s = {0, RESOLVE, H4, 0, NULL};

	open_table(f, &(struct neigh_params){0});
	for (s.packet = 1; s.packet <= 9; s.packet++)
		do_step(f, &s);
	assert_string_equal(f->log, "arp who 99; x1 neighbour_full");
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		f->log[0] = '\0';
		neigh_tick(f->table, rows[i].now);
		assert_string_equal(f->log, rows[i].expect);
	}
	close_table(f);
}

struct seen {
	unsigned int n, stop_after;
	char text[256];
};

static int
see(const struct neigh *n, void *arg)
{
	static const char *const names[] = {
		"incomplete", "reachable", "stale", "probe", "failed", "static"};
	struct seen *seen = arg;
	size_t used = strlen(seen->text);
	char addr[IP_ADDR_STRLEN];

	snprintf(seen->text + used, sizeof(seen->text) - used, "%u %s %02x %s; ", n->port,
		ip_addr_format(&n->addr, addr), n->mac[5], names[n->state]);
	return ++seen->n == seen->stop_after ? 7 : 0;
}

/* The entries by place are those of the walk, and the sums theirs. */
static void
check_places(const struct neigh_table *t)
{
	static const uint32_t states[NEIGH_STATES] = {[NEIGH_STALE] = 1, [NEIGH_STATIC] = 1};
	struct neigh_usage usage = neigh_usage(t);
	uint32_t found[NEIGH_STATES] = {0};
	struct neigh_detail detail;

	for (uint32_t i = 0; i < neigh_places(t); i++) {
		if (!neigh_at(t, i, NULL))
			continue;
		assert_true(neigh_at(t, i, &detail));
		assert_int_equal(detail.n.port, detail.n.state == NEIGH_STATIC ? VLAN_PORT : 0);
		found[detail.n.state]++;
	}
	assert_memory_equal(found, states, sizeof(states));
	assert_memory_equal(usage.states, states, sizeof(states));
	assert_int_equal(usage.count, 2);
	assert_int_equal(usage.waiting, 0);
}

static void
test_walk(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x55}, group[6] = {3};
	const struct golden *g = received_find("arp request");
	struct fixture *f = *state;
	struct seen seen = {0};
	struct ip_addr addr;
	struct error err;

	open_table(f, &params);
	assert_int_equal(ip_addr_parse("198.51.100.5", &addr), 0);
	assert_int_equal(neigh_static_add(f->table, VLAN_PORT, &addr, mac, &err), 0);
	input(f, OUR_PORT, g->data, g->bytes, 1);
	assert_int_equal(neigh_walk(f->table, see, &seen), 0);
	assert_string_equal(seen.text, "0 192.0.2.99 99 stale; 1 198.51.100.5 55 static; ");
	seen = (struct seen){.stop_after = 1};
	assert_int_equal(neigh_walk(f->table, see, &seen), 7);
	assert_int_equal(seen.n, 1);
	check_places(f->table);

	assert_int_equal(neigh_static_add(f->table, 2, &addr, mac, &err), -EINVAL);
	assert_string_equal(err.text, "neighbour 198.51.100.5: no port 2");
	assert_int_equal(neigh_static_add(f->table, VLAN_PORT, &addr, group, &err), -EINVAL);
	assert_string_equal(err.text, "neighbour 198.51.100.5: its MAC address is that of a "
				      "group; a station's is needed");
	assert_int_equal(neigh_static_delete(f->table, OUR_PORT, &addr, &err), -ENOENT);
	assert_string_equal(err.text, "198.51.100.5 is no static neighbour of that port");
	close_table(f);
}

/* What may stay, and for how many more there is room: whatever was learnt makes room. */
static void
test_room(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x55};
	const struct golden *g = received_find("arp request");
	struct fixture *f = *state;
	struct ip_addr addr[3];
	struct error err;

	open_table(f, &(struct neigh_params){.capacity = 2});
	for (uint32_t i = 0; i < RTE_DIM(addr); i++)
		addr[i] = ip_addr_v4(0xc0000200 + 97 + i);
	assert_int_equal(neigh_room(f->table), 2);
	assert_null(neigh_find(f->table, OUR_PORT, &addr[2]));
	input(f, OUR_PORT, g->data, g->bytes, 1);
	assert_true(neigh_is_usable(neigh_find(f->table, OUR_PORT, &addr[2])));
	assert_false(neigh_is_kept(f->table, OUR_PORT, &addr[2]));
	assert_int_equal(neigh_room(f->table), 2);
	neigh_pin(f->table, OUR_PORT, &addr[0], 1);
	neigh_pin(f->table, OUR_PORT, &addr[0], 1);
	assert_true(neigh_is_kept(f->table, OUR_PORT, &addr[0]));
	assert_false(neigh_is_kept(f->table, VLAN_PORT, &addr[0]));
	assert_false(neigh_is_usable(neigh_find(f->table, OUR_PORT, &addr[0])));
	assert_int_equal(neigh_room(f->table), 1);
	assert_int_equal(neigh_static_add(f->table, OUR_PORT, &addr[1], mac, &err), 0);
	assert_null(neigh_find(f->table, OUR_PORT, &addr[2]));
	assert_true(neigh_is_kept(f->table, OUR_PORT, &addr[1]));
	assert_int_equal(neigh_room(f->table), 0);
	assert_int_equal(neigh_static_add(f->table, OUR_PORT, &addr[2], mac, &err), -ENOSPC);
	/* both reasons to stay have to go */
	assert_int_equal(neigh_static_add(f->table, OUR_PORT, &addr[0], mac, &err), 0);
	neigh_unpin(f->table, OUR_PORT, &addr[0]);
	neigh_unpin(f->table, OUR_PORT, &addr[0]);
	assert_int_equal(neigh_room(f->table), 0);
	assert_int_equal(neigh_static_delete(f->table, OUR_PORT, &addr[0], &err), 0);
	assert_int_equal(neigh_room(f->table), 1);
	assert_int_equal(neigh_static_delete(f->table, OUR_PORT, &addr[1], &err), 0);
	assert_int_equal(neigh_room(f->table), 2);
	close_table(f);
}

int
main(void)
{
	struct fixture f = {0};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(test_resolve, &f),
		cmocka_unit_test_prestate(test_no_answer, &f),
		cmocka_unit_test_prestate(test_gateway, &f),
		cmocka_unit_test_prestate(test_age, &f),
		cmocka_unit_test_prestate(test_moved, &f),
		cmocka_unit_test_prestate(test_static, &f),
		cmocka_unit_test_prestate(test_port, &f),
		cmocka_unit_test_prestate(test_bounds, &f),
		cmocka_unit_test_prestate(test_defaults, &f),
		cmocka_unit_test_prestate(test_walk, &f),
		cmocka_unit_test_prestate(test_room, &f),
	};
	int failed;

	fixture_init(&f, "test_neigh_states");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_finish(&f);
	return failed;
}
