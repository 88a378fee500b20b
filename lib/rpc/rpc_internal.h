/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_INTERNAL_H
#define RPC_INTERNAL_H

/* What the files of the server share. */

#include <sys/queue.h>
#include <sys/types.h>

#include "fibre.h"
#include "rpc.h"
#include "rpc_text.h"

/* Bytes as they come in: keys may be among them. */
struct rpc_input {
	char *data; /* secret_alloc */
	size_t length, capacity;
	size_t start;   /* of the next line */
	size_t scanned; /* no line ends before here; at least start */
};

/* A JSON-RPC batch (an array of calls) that is being answered, call by call. */
struct rpc_array {
	json_t *calls; /* NULL: none */
	size_t next;
	bool answered; /* "[" is out */
};

/* Events on their way to a client that has subscribed. */
struct rpc_queue {
	uint32_t kinds; /* bit for each kind */
	struct rpc_text lines;
	uint64_t seq, lost;
	bool resyncing;
	uint64_t resync_cursor;
};

struct rpc_client {
	struct rpc_server *server;
	int fd;
	bool may_write;
	bool ended;         /* it will send nothing more */
	bool closing;       /* nothing more is read; closed when all answers are out */
	bool dead;          /* to be freed at the end of the turn */
	bool out_is_events; /* what waits in out is no answer */
	uint32_t watched;   /* what epoll waits for; RPC_UNWATCHED: it does not */
	struct rpc_input in;
	struct rpc_array array;
	struct fibre *job;      /* its call that is under way; NULL: none */
	bool job_is_due;        /* may go on in this turn */
	struct rpc_text answer; /* what the job has to say so far */
	struct rpc_text out;
	struct rpc_queue events;
	uint64_t line_since_ms; /* the first byte of the line that is not yet whole; 0: none */
	uint64_t taken_ms;      /* when it last took something, or had nothing to take */
	uint64_t cost_us;       /* of its calls, see rpc_server.c */
	bool waiting;           /* had something to be done in the last turn */
};

enum { RPC_UNWATCHED = UINT32_MAX };

struct rpc_turn;
STAILQ_HEAD(rpc_turns, rpc_turn);
struct rpc_group;

struct rpc_server {
	struct rpc_options options;
	char *path;
	const struct rpc_method **methods; /* by name */
	const char **names;                /* of the same, for suggest */
	size_t n_methods;
	int epoll, listener, again, timer;
	bool listening; /* false: out of descriptors until the next tick */
	bool again_is_set;
	uint32_t timer_ms; /* its period; 0: it does not tick */
	dev_t dev;         /* of the socket's file: it may be another's by the time we stop */
	ino_t ino;
	bool has_group;
	gid_t group;
	struct rpc_client **clients; /* options.limits.clients places, NULL: free */
	uint32_t n_clients, n_readers;
	uint64_t cost_us;           /* of the client that was served last */
	struct rpc_turns turns;     /* to make changes: the first one has it */
	struct rpc_group *together; /* changes that others may join; NULL: none */
};

/* Whoever waits for something may look for it in this turn. Whether anybody does. */
bool rpc_jobs_wake(struct rpc_server *s);

/* There is more to do: the server's descriptor becomes readable. */
void rpc_server_again(struct rpc_server *s);

uint64_t rpc_now_ms(void);
uint64_t rpc_now_us(void);

/* --- rpc_socket.c: the listening socket and who may connect --- */

int rpc_socket_open(struct rpc_server *s, struct error *err);
void rpc_socket_close(struct rpc_server *s);

enum rpc_right { RPC_RIGHT_NONE, RPC_RIGHT_READ, RPC_RIGHT_WRITE };
enum rpc_right rpc_socket_right(const struct rpc_server *s, int fd);

/* --- rpc_client.c: one connection --- */

struct rpc_client *rpc_client_create(struct rpc_server *s, int fd, bool may_write);
void rpc_client_free(struct rpc_client *c);

/* What epoll says of it: reads once, when it should. */
void rpc_client_ready(struct rpc_client *c, uint32_t events);

/* Whether there is a call to be done now; rpc_client_step does one, or goes on with it until it
 * ends, waits for something, or has had its turn. */
bool rpc_client_has_work(struct rpc_client *c);
void rpc_client_step(struct rpc_client *c);
/* Bytes of the line that the next step is about. */
size_t rpc_client_next_bytes(const struct rpc_client *c);

/* Sends what can be sent and says what to wait for. */
void rpc_client_flush(struct rpc_client *c);

/* Cuts off who let a line or an answer wait for too long. */
void rpc_client_tick(struct rpc_client *c, uint64_t now_ms);

/* --- rpc_message.c: lines and messages --- */

/* The message in a line, or NULL with *error. */
json_t *rpc_message_parse(const char *line, size_t n, struct rpc_error *error);

/* Answers one request: adds the reply, without newline, or nothing for a notification. */
void rpc_message_answer(struct rpc_client *c, json_t *request, struct rpc_text *out);

/* The reply that says what is wrong. id: NULL is null. Takes error->data. */
void rpc_message_error(struct rpc_text *out, const json_t *id, struct rpc_error *error);

/* As rpc_error_set. */
void rpc_error_errno(struct rpc_error *error, int code, const char *message);
void rpc_error_clear(struct rpc_error *error);
void rpc_error_format(struct rpc_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- rpc_dispatch.c: calls --- */

/* Calls the method and adds its result to the text. false: error is set, the text as it was. */
bool rpc_dispatch(struct rpc_client *c, const char *method, json_t *params, struct rpc_text *result,
	struct rpc_error *error);

int rpc_methods_index(struct rpc_server *s);
const struct rpc_method *rpc_method_find(const struct rpc_server *s, const char *name);
bool rpc_method_unknown(const struct rpc_server *s, const char *name, struct rpc_error *error);
bool rpc_method_allowed(struct rpc_client *c, const struct rpc_method *m, struct rpc_error *error);
/* change: one of its own around the call, if it writes. Adds to the result, or sets error. */
bool rpc_method_call(struct rpc_client *c, const struct rpc_method *m, json_t *params, bool change,
	struct rpc_text *result, struct rpc_error *error);
/* Every object may have only members that are known; names ends with NULL. */
bool rpc_members_known(
	const json_t *object, const char *const *names, const char *what, struct rpc_error *error);

/* --- rpc_change.c: one change after the other, or some together --- */

struct rpc_change {
	/* Prepares all of it. 0, or -errno with what is wrong said already. */
	int (*make)(void *arg);
	/* Forgets what make has said: it will be called again. */
	void (*unmake)(void *arg);
	void *arg;
	bool joins; /* may be carried through together with others that do */
	bool reads; /* changes nothing, and nothing is changed while it is made */
};

/* Waits for its turn, makes the change and carries it through, or nothing of it. In a fibre. 0;
 * -errno with what is wrong in err, or, when make has said it, with an empty one. */
int rpc_change(struct rpc_server *s, const struct rpc_change *change, struct error *err);

/* --- rpc_params.c --- */

/* *params (secret_free it) becomes what the method reads of call->params. 0/-errno. */
int rpc_params_read(const struct rpc_method *m, struct rpc_call *call, void **params);
void rpc_params_free(const struct rpc_method *m, void *params);

/* --- rpc_batch.c, rpc_events.c, rpc_methods.c: the server's own methods --- */

/* `batch`, whose calls are made here. */
bool rpc_batch(struct rpc_client *c, const json_t *params, struct rpc_text *result,
	struct rpc_error *error);

/* Moves events to the output, when it is their turn. */
void rpc_events_flow(struct rpc_client *c);
/* Whether there will be more to move. */
bool rpc_events_wait(const struct rpc_client *c);

int rpc_events_subscribe(struct rpc_call *call, const void *params);
int rpc_events_unsubscribe(struct rpc_call *call, const void *params);
int rpc_events_resync(struct rpc_call *call, const void *params);

extern const struct rpc_method rpc_own_methods[];

#endif
