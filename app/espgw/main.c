/* SPDX-License-Identifier: BSD-3-Clause */

/* espgw: the command line and the configuration first, then EAL with what they need, then the
 * gateway. */

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "args.h"
#include "config.h"
#include "confine.h"
#include "control.h"
#include "cryptodev.h"
#include "ethdev.h"
#include "gateway.h"
#include "ipsecmb.h"
#include "log.h"
#include "supervise.h"
#include "testengine.h"

enum exit_status { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum { OWN_PAGES_BYTES = 1 << 20 };

/*
 * No call of malloc or free takes long, as all clients of the control socket would wait for it.
 * Large pieces have pages of their own, which grow without being copied and go back to the system
 * at once; what is freed is joined with its neighbours at once, not a hundred thousand pieces at a
 * time.
 */
static void
memory_tune(void)
{
	mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES);
	mallopt(M_MXFAST, 0);
}

static volatile sig_atomic_t stopping;

static void
on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

/* The engine that delays, reorders and half-accepts, for system tests: --crypto test. */
static struct crypto_engine *
test_engine_create(const struct crypto_engine_params *params, struct error *err)
{
	struct crypto_engine *inner = cryptodev_sync_create(params, err);
	struct crypto_engine *outer;

	if (!inner)
		return NULL;
	outer = crypto_test_engine_create(inner, params, err);
	if (!outer)
		inner->ops->destroy(inner);
	return outer;
}

/* Best first: without --crypto the first that can be made is taken. */
static const struct gateway_engine engines[] = {
	{"cryptodev", cryptodev_sync_create},
	{"ipsec-mb", ipsecmb_create},
	{"cryptodev-async", cryptodev_async_create},
	{"test", test_engine_create},
};

/* EAL's command line. EAL keeps pointers into it. */
struct eal_line {
	char **argv;
	int argc;
	char memory[16];
};

static void
eal_line_add(struct eal_line *line, const char *argument)
{
	line->argv[line->argc++] = (char *)(uintptr_t)argument;
}

/*
 * EAL's arguments with what the configuration asks for: memory, where --no-huge leaves EAL with 64
 * MB, and the widest SIMD for the FIB's vector lookup. false: no memory.
 */
static bool
eal_line_make(struct eal_line *line, const struct args *args, const struct config *config)
{
	*line = (struct eal_line){.argv = calloc((size_t)args->eal_argc + 4, sizeof(*line->argv))};
	if (!line->argv)
		return false;
	for (int i = 0; i < args->eal_argc; i++)
		eal_line_add(line, args->eal_argv[i]);
	if (args_eal_has(args, "--no-huge") && !args_eal_has(args, "-m")) {
		snprintf(line->memory, sizeof(line->memory), "%u",
			gateway_memory_mb(config, args->mbufs, args_eal_lcores(args)));
		eal_line_add(line, "-m");
		eal_line_add(line, line->memory);
	}
	if (!args_eal_has(args, "--force-max-simd-bitwidth"))
		eal_line_add(line, "--force-max-simd-bitwidth=512");
	return true;
}

/* With --no-huge EAL takes whatever it is told to, and the kernel ends the process when it is used.
 */
static bool
memory_is_there(const struct eal_line *line)
{
	long page = sysconf(_SC_PAGESIZE), pages = sysconf(_SC_PHYS_PAGES);
	uint64_t mb = page > 0 && pages > 0 ? (uint64_t)page * (uint64_t)pages >> 20 : UINT64_MAX;
	unsigned long wanted = strtoul(line->memory, NULL, 10);

	if (wanted <= mb)
		return true;
	fprintf(stderr,
		"espgw: the configuration wants %lu MiB and this machine has %" PRIu64
		": make limits or --mbufs smaller\n",
		wanted, mb);
	return false;
}

static int
run(const struct args *args, const struct config *config, const struct privileges_user *user,
	struct supervisor *supervisor)
{
	struct gateway_options options = {
		.config = config,
		.driver = &ethdev_driver,
		.engines = engines,
		.n_engines = sizeof(engines) / sizeof(engines[0]),
		.engine = args->crypto,
		.portmask = args->portmask,
		.queues = args->queues,
		.n_queues = args->n_queues,
		.burst = args->burst,
		.mbufs = args->mbufs,
		.promiscuous = args->promiscuous,
		.exit_on_idle_ms = args->exit_on_idle_ms,
		.stats_period_s = args->stats_period_s,
		.state_dir = args->state_dir,
		.on_tick = supervise_tick,
		.on_tick_arg = supervisor,
	};
	struct report report = {0};
	struct gateway *g = gateway_create(&options, &report);
	struct control control;
	struct error err;
	int status;

	if (!g) {
		report_print(&report, stderr);
		report_clear(&report);
		return EXIT_USAGE;
	}
	if (control_open(&control, args, config, g, &err) != 0 || confine(args, user, &err) != 0) {
		fprintf(stderr, "espgw: %s\n", err.text);
		control_close(&control);
		gateway_destroy(g, NULL);
		return EXIT_USAGE;
	}
	printf("espgw %s: %u ports, %u tunnels, %u SAs, %u routes, %u policies\n", ESPGW_VERSION,
		config->n_ports, config->n_tunnels, config->n_sas, config->n_routes,
		config->n_policies);
	fflush(stdout);
	status = gateway_run(g, &stopping) == 0 ? EXIT_STOPPED : EXIT_FAILED;
	supervise_stopping(supervisor);
	control_close(&control);
	gateway_destroy(g, stdout);
	return status;
}

static int
start(const struct args *args, const struct config *config)
{
	struct supervisor supervisor = {0};
	struct privileges_user user;
	int status = EXIT_USAGE;
	struct eal_line line;
	struct error err;

	if (!eal_line_make(&line, args, config) || !memory_is_there(&line))
		goto out;
	log_init();
	if (getenv("JOURNAL_STREAM")) /* else the journal gets each line from syslog as well */
		rte_openlog_stream(stderr);
	if (confine_prepare(args, &user, &err) != 0) {
		fprintf(stderr, "espgw: %s\n", err.text);
		goto out;
	}
	if (rte_eal_init(line.argc, line.argv) < 0) {
		fprintf(stderr, "espgw: EAL did not start: %s\n", rte_strerror(rte_errno));
		goto out;
	}
	if (notify_open(&supervisor.notify, &err) != 0)
		log_warn(main, "%s; the service manager will hear nothing", err.text);
	status = run(args, config, &user, &supervisor);
	notify_close(&supervisor.notify);
	rte_eal_cleanup();
out:
	free(line.argv);
	return status;
}

int
main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct report report = {0};
	struct config *config;
	struct error err;
	struct args args;
	int status = EXIT_STOPPED;

	if (args_parse(argc, argv, &args, &err) != 0) {
		fprintf(stderr, "espgw: %s\n", err.text);
		return EXIT_USAGE;
	}
	if (args.help) {
		args_usage(stdout);
		return EXIT_STOPPED;
	}
	if (args.version) {
		printf("espgw %s\n", ESPGW_VERSION);
		return EXIT_STOPPED;
	}
	memory_tune();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	config = config_load(args.file, &report);
	if (!config) {
		report_print(&report, stderr);
		report_clear(&report);
		args_free(&args);
		return EXIT_USAGE;
	}
	if (args.check)
		printf("%s: ok\n", args.file);
	else
		status = start(&args, config); /* a signal while it starts stops it, too */
	config_free(config);
	args_free(&args);
	return status;
}
