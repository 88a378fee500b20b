/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOG_H
#define LOG_H

/* DPDK's log with a type for each module: --log-level=espgw.neigh:debug. Control threads only. */

#include <rte_log.h>

#define LOG_MODULES(X)                                                                             \
	X(main)                                                                                    \
	X(port)                                                                                    \
	X(neigh) X(fib) X(spd) X(tunnel) X(sa) X(crypto) X(worker) X(control) X(rpc) X(audit)

enum log_module {
#define X(name) LOG_##name,
	LOG_MODULES(X)
#undef X
		LOG_MODULE_COUNT
};

/* Once, before rte_eal_init, so that --log-level finds the types. */
void log_init(void);

/* The rte_log type of a module. */
int log_type(enum log_module module);

#define log_at(level, module, ...)                                                                 \
	rte_log(RTE_LOG_##level, log_type(LOG_##module), "espgw " #module ": " __VA_ARGS__)

#define log_error(module, format, ...) log_at(ERR, module, format "\n", ##__VA_ARGS__)
#define log_warn(module, format, ...) log_at(WARNING, module, format "\n", ##__VA_ARGS__)
#define log_notice(module, format, ...) log_at(NOTICE, module, format "\n", ##__VA_ARGS__)
#define log_info(module, format, ...) log_at(INFO, module, format "\n", ##__VA_ARGS__)
#define log_debug(module, format, ...) log_at(DEBUG, module, format "\n", ##__VA_ARGS__)

#endif
