/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_RPC_TOYS_H
#define TEST_RPC_TOYS_H

/*
 * A server with toy methods, and clients of it, all in one thread: whoever waits turns the server's
 * crank meanwhile.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc.h"

enum { TOY_LINE_MAX = 8 << 20 };

/* What the toy methods change: a number. */
struct toy {
	struct rpc_server *server;
	int value, pending;
	bool in_change;
	int begun, committed, abandoned;
	bool refuse_begin, refuse_commit;
	bool has_nine; /* toy.join was called with it */
	int marked;
	bool hold;         /* a commit waits as long as this is so */
	int held_turns;    /* for so many turns of it, then no more; 0: as long as it likes */
	int resync_events; /* how many `resync` has */
	char seen_key[160];
	char path[64]; /* of the socket; "" */
};

/* Without a socket when path is NULL. limits: NULL for the default ones. */
void toy_open(struct toy *toy, const char *path, const struct rpc_limits *limits);
void toy_open_for(struct toy *toy, const char *path, const char *group, bool readonly);
void toy_close(struct toy *toy);

/* Serves for so long, or until the server has nothing to do. */
void toy_serve(struct toy *toy);
void toy_serve_ms(struct toy *toy, uint32_t ms);

struct toy_client {
	struct toy *toy;
	int fd;
	char *text; /* what was received and not yet taken */
	size_t length;
	bool closed; /* by the server */
};

void toy_connect(struct toy_client *c, struct toy *toy, bool may_write);
void toy_disconnect(struct toy_client *c);

/* Sends all of it, serving meanwhile. false: the server has closed. */
bool toy_send(struct toy_client *c, const char *bytes, size_t n);

/* The next line without its newline (to be freed), serving meanwhile; NULL: closed, or nothing in
 * 30 s (which is told apart by c->closed). */
char *toy_line(struct toy_client *c);

/* Sends a line and gives the answer, to be freed. */
char *toy_ask(struct toy_client *c, const char *line);

/* The milliseconds that a short call of a new client takes: of this thread's CPU time, since the
 * machine may have other things to do. */
uint32_t toy_latency_ms(struct toy *toy);

uint64_t toy_now_us(void);
uint64_t toy_cpu_us(void);

#endif
