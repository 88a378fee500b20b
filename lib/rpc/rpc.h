/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_H
#define RPC_H

/*
 * JSON-RPC 2.0 on a Unix stream socket, a message a line (doc/control.md). The server knows nothing
 * of a gateway: it has tables of methods and a context for them. Everything here is the control
 * lcore's; nothing blocks.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errmsg.h"

struct config_scope;
struct key_table;
struct rpc_client;
struct rpc_server;

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_UNKNOWN_METHOD = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_NOT_FOUND = 1,
	RPC_EXISTS = 2,
	RPC_IN_USE = 3,
	RPC_NO_ROOM = 4,
	RPC_NOT_PERMITTED = 5,
	RPC_TRY_AGAIN = 6,
	RPC_FAILED = 7,
};

struct rpc_error {
	int code; /* enum rpc_code; 0: none */
	char message[512];
	json_t *data; /* NULL: none */
};

struct rpc_call {
	void *context; /* the server's: the gateway */
	struct rpc_server *server;
	struct rpc_client *client;
	json_t *params; /* as they came, an object; NULL: none */
	json_t *result; /* the method's answer, which the server takes; NULL: {} */
	struct rpc_error error;
};

struct rpc_method {
	const char *name, *summary;
	bool writes; /* needs the right to write; runs inside a change */
	bool alone;  /* not in a batch */
	/* several that wait may be one change: it does nothing but what a change takes back, may be
	 * called again, and takes long to be carried through */
	bool joins;
	const struct key_table *params; /* NULL: none */
	/* of a method that changes an object: what the object is named by, which comes first; of
	 * params nothing has to be given then. NULL: another method */
	const struct key_table *names;
	size_t params_bytes;               /* of the struct that params are read into; 0: the method
					      reads call->params itself, the table tells what it takes */
	void (*defaults)(void *params);    /* NULL: zeroes */
	void (*params_free)(void *params); /* what reading allocated; NULL: nothing */
	/* 0 with call->result, or -errno with call->error set (rpc_error_set). params: of
	 * params_bytes, wiped after the call; NULL when there are none */
	int (*call)(struct rpc_call *call, const void *params);
};

/*
 * What is wrong with a call, for a person. code is -errno, which is also returned, and stands for
 * ENOENT 1, EEXIST 2, EBUSY 3, ENOSPC and ENOMEM 4, EPERM and EACCES 5, EAGAIN 6, EINVAL -32602,
 * others 7. field: the parameter that is wrong (`data.field`), or NULL.
 */
int rpc_error_set(struct rpc_call *call, int code, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* All that a report holds, as `data.errors` when it is more than one thing. Returns code. */
int rpc_error_report(struct rpc_call *call, int code, const struct report *report);

/* Sizes and times; tests have smaller ones. */
struct rpc_limits {
	uint32_t clients;      /* 64; half of them for those who may only read */
	uint32_t line_bytes;   /* 1 MiB: the longest message */
	uint32_t line_ms;      /* 10 s: from a line's first byte to its last */
	uint32_t stall_ms;     /* 10 s: a client that takes none of its answers is cut off */
	uint32_t output_bytes; /* 64 KiB: who has so much to take is not served further */
	uint32_t event_bytes;  /* 256 KiB of events wait for a client; then they are lost */
	uint32_t turn_us;      /* 2 ms: how long the server works before it returns */
};

#define RPC_LIMITS_DEFAULT                                                                         \
	((struct rpc_limits){.clients = 64,                                                        \
		.line_bytes = 1 << 20,                                                             \
		.line_ms = 10000,                                                                  \
		.stall_ms = 10000,                                                                 \
		.output_bytes = 64 << 10,                                                          \
		.event_bytes = 256 << 10,                                                          \
		.turn_us = 2000})

enum {
	RPC_DEPTH_MAX = 32,            /* of arrays and objects in a message */
	RPC_VALUES_MAX = 100000,       /* of them and scalars in a message, roughly */
	RPC_CALLS_MAX = 1000,          /* in an array of calls and in `batch` */
	RPC_BATCH_BYTES_MAX = 4 << 20, /* of a batch's results */
	RPC_EVENT_KINDS_MAX = 32,
	RPC_RESYNC_END = -1,
	RPC_RESYNC_LATER = -2,
};

struct rpc_event_kind {
	const char *name, *text;
};

struct rpc_options {
	const char *path;  /* of the socket; NULL: none, clients come by rpc_server_adopt */
	const char *group; /* whose members may write as well; NULL: none */
	bool readonly;     /* everybody else may read */
	struct rpc_limits limits;
	const struct rpc_method *const *tables; /* each ends with a method without a name; NULL ends
						   the list */
	void *context;
	/* What names in parameters refer to; NULL: no method has any. */
	const struct config_scope *scope;
	/* Around each writing call, and once around a batch that has any; 0/-errno. When commit
	 * fails nothing has changed. mark notes what the change is so far, and rewind goes back to
	 * that. commit may stop its fibre. NULL: nothing to do. */
	int (*begin)(void *context, struct error *err);
	int (*commit)(void *context, struct error *err);
	void (*abandon)(void *context);
	int (*mark)(void *context, struct error *err);
	void (*rewind)(void *context);
	const struct rpc_event_kind *kinds; /* a place here is an event's kind; a NULL name ends */
	/* The next event of how things stand, for events.resync: its kind, and in *event a new
	 * object; or RPC_RESYNC_LATER, having looked for long enough, or RPC_RESYNC_END. *cursor is
	 * 0 at first and the callee's. NULL: there is none. */
	int (*resync)(void *context, uint64_t *cursor, json_t **event);
};

/*
 * Makes and listens on the socket (its folder too when it is missing). NULL with *err: another
 * server lives at the path, no such group, … Strings and tables outlive the server. errno says
 * what failed.
 */
struct rpc_server *rpc_server_create(const struct rpc_options *options, struct error *err);

/* Cuts all clients off, after a last try to send what waits; removes the socket. NULL is fine. */
void rpc_server_destroy(struct rpc_server *server);

/* Readable (poll, epoll) whenever rpc_server_serve has something to do. */
int rpc_server_fd(const struct rpc_server *server);

/* One turn: at most limits.turn_us and one call more. server: a struct rpc_server. */
void rpc_server_serve(void *server);

/* A connected socket becomes a client, without a look at who it is. Takes fd. 0/-errno. */
int rpc_server_adopt(struct rpc_server *server, int fd, bool may_write);

/* Whether anybody has subscribed to the kind. */
bool rpc_server_hears(const struct rpc_server *server, unsigned int kind);

/* Tells all who subscribed. Takes event, an object without kind, seq and time (NULL: nothing more
 * to say). */
void rpc_server_event(struct rpc_server *server, unsigned int kind, json_t *event);

/* --- objects of the socket as groups of lib/config --- */

struct config_t;
struct config_setting_t;

/*
 * Makes a libconfig tree of the object (NULL: an empty one), for a method that reads call->params
 * itself: numbers, booleans, strings, groups and lists; a null is a member without type. table: the
 * keys that an impossible name may have meant. The strings are the object's, so the tree must go
 * first, by rpc_group_free. 0, or -errno with the call's error set and nothing to free.
 */
int rpc_group_make(struct rpc_call *call, const json_t *object, const struct key_table *table,
	struct config_t *tree);
void rpc_group_free(struct config_t *tree);

/* A setting as JSON: groups are objects, lists and arrays arrays. A new value. */
json_t *rpc_json_of_setting(const struct config_setting_t *setting);

/* --- pages of lists --- */

enum { RPC_PAGE_DEFAULT = 100, RPC_PAGE_MAX = 1000 };

#endif
