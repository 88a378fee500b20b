/* SPDX-License-Identifier: BSD-3-Clause */

/* espgw: the command line and the configuration first, then EAL with what they need, then the
 * gateway. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "args.h"
#include "config.h"
#include "cryptodev.h"
#include "ethdev.h"
#include "gateway.h"
#include "log.h"
#include "testengine.h"

enum exit_status { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

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
	{"cryptodev-async", cryptodev_async_create},
	{"test", test_engine_create},
};

/*
 * EAL's arguments with what the configuration asks for: memory, where --no-huge leaves EAL with 64
 * MB, and the widest SIMD for the FIB's vector lookup. NULL: no memory.
 */
static char **
eal_arguments(const struct args *args, const struct config *config, int *argc)
{
	char **argv = calloc((size_t)args->eal_argc + 4, sizeof(*argv));
	char memory[16];
	int n;

	if (!argv)
		return NULL;
	for (n = 0; n < args->eal_argc; n++)
		argv[n] = args->eal_argv[n];
	if (args_eal_has(args, "--no-huge") && !args_eal_has(args, "-m")) {
		snprintf(memory, sizeof(memory), "%u",
			gateway_memory_mb(config, args->mbufs, args_eal_lcores(args)));
		argv[n++] = strdup("-m");
		argv[n++] = strdup(memory);
	}
	if (!args_eal_has(args, "--force-max-simd-bitwidth"))
		argv[n++] = strdup("--force-max-simd-bitwidth=512");
	*argc = n;
	return argv;
}

static int
run(const struct args *args, const struct config *config)
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
	};
	struct report report = {0};
	struct gateway *g = gateway_create(&options, &report);
	int status;

	if (!g) {
		report_print(&report, stderr);
		report_clear(&report);
		return EXIT_USAGE;
	}
	printf("espgw %s: %u ports, %u tunnels, %u SAs, %u routes, %u policies\n", ESPGW_VERSION,
		config->n_ports, config->n_tunnels, config->n_sas, config->n_routes,
		config->n_policies);
	fflush(stdout);
	status = gateway_run(g, &stopping) == 0 ? EXIT_STOPPED : EXIT_FAILED;
	gateway_destroy(g, stdout);
	return status;
}

static int
start(const struct args *args, const struct config *config)
{
	int argc = 0, status;
	char **argv = eal_arguments(args, config, &argc);

	log_init();
	if (!argv || rte_eal_init(argc, argv) < 0) {
		fprintf(stderr, "espgw: EAL did not start: %s\n", rte_strerror(rte_errno));
		return EXIT_USAGE;
	}
	status = run(args, config);
	rte_eal_cleanup();
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
