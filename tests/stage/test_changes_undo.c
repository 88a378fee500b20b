/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All or nothing: a change of operations of all kinds whose last one fails leaves the gateway as it
 * was, wherever it fails, and passes without that one.
 */
#include <errno.h>
#include <stdlib.h>

#include "changing.h"
#include "gateway_change.h"
#include "gateway_objects.h"
#include "seqfile.h"
#include "unit.h"

/* clang-format off */
#define POLICIES \
	"policies = (" \
	"{ priority = 10; action = \"protect\"; tunnel = \"ipsec1\"; local = \"192.168.1.0/24\";" \
	"  remote = \"10.99.1.0/24\"; }," \
	"{ priority = 20; action = \"bypass\"; local = \"192.168.1.0/24\"; remote = \"192.0.2.0/24\"; }," \
	"{ priority = 30; action = \"discard\"; remote = \"10.99.3.0/24\"; });"
#define CONFIG SITE_BUT_SAS SITE_ALL_SAS("", "") POLICIES

#define SA(spi, direction, tunnel, key, more) \
	"sa.add spi = " spi "; direction = '" direction "'; tunnel = '" tunnel \
	"'; algorithm = 'aes-256-gcm'; key = '" KEY(key) "'; " more
#define TUNNEL(name, remote, more) \
	"tunnel.add name = '" name "'; local = '203.0.113.1'; remote = '" remote "'; " more

static const char *const all_kinds[] = {
	/* a new tunnel, and all that belongs to one */
	TUNNEL("new0", "198.51.100.90", "address = '10.77.1.1'; peer_address = '10.77.1.2';"),
	SA("0x3000", "out", "new0", e0, ""), SA("0x4000", "in", "new0", f0, ""),
	"route.add prefix = '10.77.0.0/16'; via = 'new0';",
	"policy.add priority = 5; action = 'protect'; tunnel = 'new0'; local = '192.168.1.0/24';"
	" remote = '10.99.2.0/24';",
	TUNNEL("new1", "198.51.100.91", "carrier = 'udp'; local_port = 4510;"),
	"tunnel.update new1 local_port = 4511;",
	/* SAs of a tunnel that stays */
	SA("0x3001", "out", "ipsec0", e1, "seq = 5000;"), "sa.delete out 0x1000",
	SA("0x4001", "in", "ipsec0", f1, "worker = 0;"), "sa.delete in 0x2000",
	SA("0x2000", "in", "ipsec0", f2, ""), /* the name of the one that goes */
	"sa.update out 0x1001 soft_packets = 100; hard_packets = 200;",
	"sa.update in 0x2001 hard_bytes = 1000000; hard_seconds = 60;",
	/* tunnels that change: their size, their ends, carrier, addresses, state */
	"tunnel.update ipsec1 mtu = 1300;", "tunnel.update ipsec2 remote = '198.51.100.92';",
	"tunnel.update ipsec3 local = '2001:db8:f::1'; remote = '2001:db8:e::93';",
	"tunnel.update ipsec4 carrier = 'esp';",
	"tunnel.update ipsec6 address = '10.77.6.1'; peer_address = '10.77.6.2'; state = 'down';",
	/* SAs, first deleted and then added, of a tunnel that moves */
	"sa.delete out 0x1005", "sa.delete in 0x2005",
	"tunnel.update ipsec5 remote = '2001:db8:e::95'; encapsulation = 'ipip';",
	SA("0x3005", "out", "ipsec5", e5, ""), SA("0x4005", "in", "ipsec5", f5, ""),
	/* one that goes */
	"tunnel.delete old0",
	/* routes: a prefix within the link's, whose neighbour is resolved */
	"route.add prefix = '192.168.1.8/29'; via = 'ipsec0';",
	"route.add prefix = '10.77.9.0/24'; via = '203.0.113.9';",
	"route.add prefix = '192.168.20.0/24'; via = 'ipsec1';",
	"route.delete prefix = '192.168.21.0/24'; via = 'ipsec1';",
	"route.delete prefix = '192.168.22.0/24'; via = 'ipsec2';",
	"route.add prefix = '192.168.22.0/24'; via = 'ipsec3';",
	/* neighbours and policies */
	"neighbour.add address = '203.0.113.77'; mac = '02:00:00:00:00:77'; port = 'wan';",
	"neighbour.delete lan7 192.168.7.10",
	"policy.delete 3", "policy.update 2 priority = 21; action = 'discard'; remote = '192.0.2.0/24';",
	/* ports: one more address, one instead of another that has a neighbour no more, another size */
	"port.update lan addresses = [ '192.168.1.1/24', '2001:db8:1::1/64', '192.168.55.1/24' ];",
	"port.update lan7 addresses = [ '192.168.57.1/24' ];", "neighbour.delete lan7 2001:db8:7::10",
	"port.update wan mtu = 1400;", "port.update wan mtu = 9100;",
	NULL};

/* The last operation, and what it says. */
static const struct {
	const char *what, *call;
	int rc;
	const char *text;
} rows[] = {
	{"an SPI twice", SA("0x1001", "out", "ipsec1", e9, ""), -EEXIST, "0x00001001"},
	{"an SPI twice in the batch", SA("0x4000", "in", "ipsec6", e9, ""), -EEXIST, "0x00004000"},
	{"an SPI that a moved tunnel's SA gets", "tunnel.update ipsec7 remote = '198.51.100.92';",
		-EEXIST, "0x00001002"},
	{"a key twice", SA("0x3009", "out", "ipsec0", c1, ""), -EEXIST, "same key"},
	{"a key twice in the batch", SA("0x3009", "out", "ipsec0", e0, ""), -EEXIST, "same key"},
	{"a key in both directions", SA("0x3009", "in", "ipsec0", e0, ""), -EEXIST, "other direction"},
	{"the key of an SA that goes", SA("0x3009", "out", "ipsec0", c0, ""), -EBUSY, "same key"},
	{"a worker that is not there", SA("0x3009", "out", "ipsec0", e9, "worker = 5;"), -EINVAL,
		"worker = 5"},
	{"an SA of the batch deleted", "sa.delete out 0x3000", -EBUSY, "same batch adds"},
	{"an SA deleted twice", "sa.delete out 0x1000", -ENOENT, "0x1000"},
	{"an SA that goes updated", "sa.update out 0x1000 hard_packets = 5;", -ENOENT, "0x1000"},
	{"an SA of a tunnel that moves deleted", "sa.delete in 0x2003", -EBUSY, "ends"},
	{"a tunnel twice", TUNNEL("ipsec0", "198.51.100.99", ""), -EEXIST, "ipsec0"},
	{"a tunnel twice in the batch", TUNNEL("new0", "198.51.100.99", ""), -EEXIST, "new0"},
	{"a tunnel that goes added", TUNNEL("old0", "198.51.100.99", ""), -EBUSY, "same batch"},
	{"a tunnel that is needed deleted", "tunnel.delete ipsec2", -EBUSY, "changes tunnel"},
	{"a tunnel with SAs deleted", "tunnel.delete ipsec0", -EBUSY, "3 SAs, 3 routes"},
	{"a tunnel with SAs to come deleted", "tunnel.delete new0", -EBUSY,
		"2 SAs, 1 routes and 1 policies"},
	{"a tunnel that changes deleted", "tunnel.delete new1", -EBUSY, "changes tunnel new1"},
	{"a tunnel changed twice", "tunnel.update ipsec1 mtu = 1301;", -EBUSY, "already"},
	{"a tunnel that goes changed", "tunnel.update old0 mtu = 1301;", -ENOENT, "old0"},
	{"an encapsulation with SAs", "tunnel.update ipsec0 encapsulation = 'tunnel';", -EBUSY,
		"encapsulation"},
	{"an encapsulation with SAs to come", "tunnel.update new0 encapsulation = 'tunnel';", -EBUSY,
		"encapsulation"},
	{"ends with SAs to come", "tunnel.update new0 remote = '198.51.100.99';", -EBUSY,
		"adds SAs"},
	{"a route twice", "route.add prefix = '192.168.23.0/24'; via = 'ipsec3';", -EEXIST,
		"192.168.23.0/24"},
	{"a route twice in the batch", "route.add prefix = '10.77.0.0/16'; via = 'new0';", -EEXIST,
		"10.77.0.0/16"},
	{"a route that is not there", "route.delete prefix = '192.168.24.0/24'; via = 'ipsec3';",
		-ENOENT, "192.168.24.0/24"},
	{"a route deleted twice", "route.delete prefix = '192.168.21.0/24'; via = 'ipsec1';",
		-ENOENT, "192.168.21.0/24"},
	{"a route of the gateway", "route.delete prefix = '192.168.1.0/24'; via = 'lan';", -ENOENT,
		"192.168.1.0/24"},
	{"a neighbour twice",
		"neighbour.add address = '203.0.113.2'; mac = '02:00:00:00:00:88'; port = 'wan';",
		-EEXIST, "203.0.113.2"},
	{"a neighbour that is not there", "neighbour.delete lan 192.168.1.99", -ENOENT,
		"192.168.1.99"},
	{"a neighbour deleted twice", "neighbour.delete lan7 192.168.7.10", -ENOENT, "192.168.7.10"},
	{"a policy that is not there", "policy.update 99 priority = 1; action = 'bypass';", -ENOENT,
		"policy 99"},
	{"a policy deleted twice", "policy.delete 3", -ENOENT, "policy 3"},
	{"a port's role", "port.update lan role = 'unprotected';", -EINVAL, "role: only a restart"},
	{"an address that a tunnel needs", "port.update wan addresses = [ '203.0.113.3/24', '2001:db8:f::1/64' ];",
		-EBUSY, "tunnel ipsec0 needs another address: local"},
	{"an address that a neighbour needs", "port.update lan addresses = [ '2001:db8:1::1/64' ];",
		-EBUSY, "neighbour 192.168.1.10 needs another address"},
	{"an address that a gateway needs",
		"port.update wan addresses = [ '203.0.113.1/32', '2001:db8:f::1/64' ];", -EBUSY,
		"needs another address"},
	{"an address that is a tunnel's remote",
		"port.update lan addresses = [ '192.168.1.1/24', '2001:db8:1::1/64', '198.51.100.10/24' ];",
		-EBUSY, "tunnel ipsec0 needs another address: remote"},
	{"an address twice", "port.update lan addresses = [ '192.168.1.1/24', '192.168.1.1/25' ];", -EINVAL,
		"twice"},
	{"an address of another port", "port.update lan addresses = [ '192.168.1.1/24', '203.0.113.1/24' ];",
		-EEXIST, "port wan's"},
};
/* clang-format on */

struct bench {
	struct stage_fixture f;
	struct peer *peer;
	struct changing_flow flows[SITE_KINDS];
};

static bool sync_fails;

/* The disk is full, or gone. */
int __real_seq_file_sync(const void *from, size_t bytes);
int __wrap_seq_file_sync(const void *from, size_t bytes);
int
__wrap_seq_file_sync(const void *from, size_t bytes)
{
	return sync_fails ? -EIO : __real_seq_file_sync(from, bytes);
}

/* A packet through each tunnel each way, as it was from the beginning. */
static void
traffic(struct bench *b, const char *what)
{
	for (unsigned int i = 0; i < SITE_KINDS; i++)
		changing_both(&b->f, b->peer, &b->flows[i], what);
}

static void
open_bench(struct bench *b, const char *engine, uint32_t neighbours)
{
	static char config[32768];
	char *limit;

	/* text is replaced by text of its length */
	snprintf(config, sizeof(config), "%s", CONFIG);
	limit = strstr(config, "neighbours = 64");
	memcpy(limit + strlen("neighbours = "), neighbours == 64 ? "64" : "16", 2);
	*b = (struct bench){.peer = b->peer};
	for (unsigned int i = 0; i < SITE_KINDS; i++)
		b->flows[i].n = i;
	stage_fixture_open(&b->f,
		&(struct stage_setup){.config = config, .engine = engine, .rings = SITE_RINGS});
	/* a tunnel that nothing needs, and one with an SA that may come into another's way */
	changing_do(&b->f, TUNNEL("old0", "198.51.100.80", "carrier = 'udp';"));
	changing_do(&b->f, TUNNEL("ipsec7", "198.51.100.17", ""));
	changing_do(&b->f, SA("0x1002", "out", "ipsec7", c7, ""));
	traffic(b, "before");
}

/* The batch, then one more call. */
static int
batch(struct bench *b, const char *last, struct error *err)
{
	const char *calls[RTE_DIM(all_kinds) + 1];
	size_t n = RTE_DIM(all_kinds) - 1;

	memcpy(calls, all_kinds, sizeof(all_kinds));
	calls[n] = last;
	calls[n + 1] = NULL;
	return changing_batch(b->f.g, calls, err);
}

/* A key that the batch wanted to begin at 5000 may begin where it likes. */
static void
check_key(struct bench *b)
{
	changing_do(&b->f, SA("0x3001", "out", "ipsec0", e1, "seq = 1;"));
	changing_do(&b->f, "sa.delete out 0x3001");
	changing_settle(&b->f);
}

static void
check_prepared(struct bench *b, char *before)
{
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		struct error err = {""};
		int rc = batch(b, rows[i].call, &err);
		char *after = changing_dump(&b->f);

		stage_check(&b->f, rc == rows[i].rc, "%s: %d: %s", rows[i].what, rc, err.text);
		stage_check(&b->f, strstr(err.text, rows[i].text) != NULL, "%s says: %s",
			rows[i].what, err.text);
		if (!changing_same(&b->f, rows[i].what, before, after)) {
			free(after);
			break;
		}
		free(after);
	}
}

/* Each operation of the batch, prepared and abandoned, with those before it. */
static void
check_abandoned(struct bench *b, char *before)
{
	struct error err = {""};
	char *after;

	for (size_t n = 1; all_kinds[n - 1]; n++) {
		assert_int_equal(gateway_change_begin(b->f.g), 0);
		for (size_t i = 0; i < n; i++)
			stage_check(&b->f, changing_call(b->f.g, all_kinds[i], &err) == 0, "%s: %s",
				all_kinds[i], err.text);
		gateway_change_abandon(b->f.g);
		after = changing_dump(&b->f);
		if (!changing_same(&b->f, all_kinds[n - 1], before, after))
			n = RTE_DIM(all_kinds) - 1;
		free(after);
	}
}

/* --- what fails when the change is carried through */

struct plant {
	const char *what;
	int rc;
	uint32_t neighbours;
	/* what makes it fail, in the change under way or before it, and away with it */
	int (*in)(struct bench *b, struct error *err);
	void (*before)(struct bench *b);
	void (*after)(struct bench *b);
};

/* All of the SAD but so much is promised to somebody. */
enum { SAD_LEFT = 3, SPIS = 64 };
static uint32_t spis[SPIS];

static void
sad_fill(struct bench *b)
{
	uint32_t n = 0;

	while ((spis[n] = gateway_spi_allocate(b->f.g)))
		n++;
	for (uint32_t i = 0; i < SAD_LEFT; i++)
		gateway_spi_release(b->f.g, spis[--n]);
	spis[n] = 0;
}

static void
sad_empty(struct bench *b)
{
	for (uint32_t i = 0; spis[i]; i++) {
		stage_check(&b->f, sad_spi_is_reserved(b->f.g->sad, spis[i]),
			"SPI %x is not reserved any more", spis[i]);
		gateway_spi_release(b->f.g, spis[i]);
	}
}

/* SAs for promised SPIs, and one more than there is room for. */
static int
sad_overfill(struct bench *b, struct error *err)
{
	char words[512];
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < 6; i++) {
		snprintf(words, sizeof(words),
			"sa.add spi = 0x%xL; direction = 'in'; tunnel = 'ipsec6'; algorithm = "
			"'aes-256-gcm'; key = 'a%u" KEY() "';",
			i < 2 ? spis[i] : 0x9000 + i, i);
		rc = changing_call(b->f.g, words, err);
	}
	return rc;
}

static int
fib_overfill(struct bench *b, struct error *err)
{
	char words[128];
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < 500; i++) {
		snprintf(words, sizeof(words),
			"route.add prefix = '10.50.%u.%u/30'; via = 'ipsec0';", i / 64, i % 64 * 4);
		rc = changing_call(b->f.g, words, err);
	}
	return rc;
}

/* What no words can say. */
static int
spd_refuse(struct bench *b, struct error *err)
{
	const struct config_policy c = {.action = SPD_NO_MATCH};
	uint32_t id;

	return gateway_policy_add(b->f.g, &c, &id, err);
}

static int
add_static(struct bench *b, struct error *err)
{
	return changing_call(b->f.g,
		"sa.static spi = 0x3300; direction = 'out'; tunnel = 'ipsec6'; algorithm = "
		"'aes-256-gcm'; key = '" KEY(ee) "';",
		err);
}

static void
sync_break(struct bench *b)
{
	(void)b;
	sync_fails = true;
}

static void
sync_mend(struct bench *b)
{
	(void)b;
	sync_fails = false;
}

/* Gateways that have to stay, and one too many. */
static int
neighbours_overfill(struct bench *b, struct error *err)
{
	char words[128];
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < 9; i++) {
		snprintf(words, sizeof(words),
			"route.add prefix = '10.60.%u.0/24'; via = '203.0.113.%u';", i, 200 + i);
		rc = changing_call(b->f.g, words, err);
	}
	return rc;
}

static const struct plant plants[] = {
	{"the SAD is full", -ENOSPC, 64, sad_overfill, sad_fill, sad_empty},
	{"the FIB is full", -ENOSPC, 64, fib_overfill, NULL, NULL},
	{"policies are refused", -EINVAL, 64, spd_refuse, NULL, NULL},
	{"the state file", -EIO, 64, add_static, sync_break, sync_mend},
	{"no room for gateways", -ENOSPC, 16, neighbours_overfill, NULL, NULL},
};

static int
batch_with(struct bench *b, int (*in)(struct bench *b, struct error *err), struct error *err)
{
	int rc = gateway_change_begin(b->f.g);

	for (size_t i = 0; rc == 0 && all_kinds[i]; i++)
		rc = changing_call(b->f.g, all_kinds[i], err);
	if (rc == 0)
		rc = in(b, err);
	stage_check(&b->f, rc == 0, "it is prepared: %s", err->text);
	return gateway_change_commit(b->f.g, err);
}

static void
check_planted(struct bench *b, const struct plant *plant)
{
	struct error err = {""};
	char *before, *after;
	int rc;

	if (plant->before)
		plant->before(b);
	before = changing_dump(&b->f);
	rc = batch_with(b, plant->in, &err);
	stage_check(&b->f, rc == plant->rc, "%s: %d: %s", plant->what, rc, err.text);
	print_message("%s: %s\n", plant->what, err.text);
	after = changing_dump(&b->f);
	changing_same(&b->f, plant->what, before, after);
	free(after);
	free(before);
	if (plant->after)
		plant->after(b);
	traffic(b, plant->what);
	check_key(b);
}

/* What the batch makes of the site, at the end. */
static void
check_passes(struct bench *b)
{
	struct error err = {""};
	struct changing_flow *flows = b->flows;

	stage_check(&b->f, batch(b, NULL, &err) == 0, "the batch alone: %s", err.text);
	/* its neighbour's host route is back */
	changing_do(&b->f, "route.delete prefix = '192.168.1.8/29'; via = 'ipsec0';");
	changing_settle(&b->f);
	stage_fixture_discard(&b->f);
	flows[0] = (struct changing_flow){
		.n = 0, .spi_out = 0x3001, .key_out = 0xe1, .key_in = 0xf2, .out = 4999};
	changing_in(&b->f, b->peer, &flows[0], "after");
	changing_in(&b->f, b->peer, &flows[1], "after");
	flows[3].remote = "2001:db8:e::93";
	changing_both(&b->f, b->peer, &flows[3], "after");
}

static void
run(const char *engine)
{
	static struct bench b;
	char *before;

	b.peer = peer_create();
	for (size_t i = 0; i < RTE_DIM(plants); i++) {
		open_bench(&b, engine, plants[i].neighbours);
		check_planted(&b, &plants[i]);
		assert_int_equal(stage_fixture_close(&b.f), 0);
	}
	open_bench(&b, engine, 64);
	before = changing_dump(&b.f);
	check_prepared(&b, before);
	check_abandoned(&b, before);
	free(before);
	traffic(&b, "after what came to nothing");
	check_key(&b);
	check_passes(&b);
	assert_int_equal(stage_fixture_close(&b.f), 0);
	peer_destroy(b.peer);
}

static void
test_synchronous(void **state)
{
	(void)state;
	run("cryptodev");
}

static void
test_asynchronous(void **state)
{
	(void)state;
	run("test");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_synchronous),
		cmocka_unit_test(test_asynchronous),
	};

	stage_fixture_eal("changes_undo", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
