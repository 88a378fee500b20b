/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ARGS_H
#define ARGS_H

/* The command line: EAL's part, kept for rte_eal_init, and espgw's own. Before rte_eal_init. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "errmsg.h"
#include "gateway.h"
#include "sandbox.h"

struct args {
	int eal_argc; /* argv[0] and what stands before "--" */
	char **eal_argv;
	uint64_t portmask; /* default: all */
	struct gateway_queue *queues;
	uint16_t n_queues;
	const char *file;
	bool check, help, version, promiscuous, interactive;
	uint32_t exit_on_idle_ms; /* 0: never */
	uint32_t stats_period_s;  /* 0: never */
	const char *crypto;       /* NULL: not given */
	const char *state_dir;
	const char *ctl;       /* the control socket's path; NULL: none */
	bool ctl_given;        /* --ctl was */
	const char *ctl_group; /* NULL: not given */
	uint16_t burst;
	uint32_t mbufs;   /* 0: not given */
	const char *user; /* NULL: stays who it is */
	enum sandbox_mode seccomp;
};

/*
 * Splits at "--" and reads what is espgw's. Without a "--" all is EAL's, but for a first argument
 * that only espgw has (--help, --version, --check, -f). 0, or -EINVAL with err naming the option,
 * what is wrong and what would be right; there is nothing to free then. Strings are argv's.
 */
int args_parse(int argc, char **argv, struct args *args, struct error *err);
void args_free(struct args *args);

/* Whether EAL's part has the option: "--no-huge" (also as "--no-huge=…"), "-m" (also as "-m512").
 */
bool args_eal_has(const struct args *args, const char *option);

/* How many workers EAL's part asks for: its lcores without the main one; an upper estimate. */
uint16_t args_eal_lcores(const struct args *args);

/* What --help says. */
void args_usage(FILE *out);

#endif
