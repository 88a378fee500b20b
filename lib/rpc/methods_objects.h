/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RPC_METHODS_OBJECTS_H
#define RPC_METHODS_OBJECTS_H

/* What the methods of all kinds of objects have in common. */

#include "config_keys.h"
#include "config_object.h"
#include "gateway_change.h"
#include "gateway_objects.h"
#include "methods.h"
#include "rpc.h"

/* Reads the call's parameters as a new object; to be given to config_object_free. 0, or -errno with
 * the call's error set. */
int object_of_call(struct rpc_call *call, enum config_kind kind, void *object);

/* The same as changes of an object, whose new form is in result then. */
int object_changed_by_call(
	struct rpc_call *call, enum config_kind kind, const void *object, void *result);

/* Reads what names the object from among the call's parameters, those of the table, into *name. */
int name_of_call(struct rpc_call *call, const struct key_table *table, void *name);

/* The object's keys as JSON; NULL: no memory. */
json_t *object_json(const struct rpc_call *call, enum config_kind kind, const void *object);

/* The call failed with rc, and err says why: a message that begins with the name of a key of the
 * kind is about that key. Returns rc. */
int object_fail(struct rpc_call *call, enum config_kind kind, int rc, const struct error *err);

/* Lists: how many, and after which one. */
struct page {
	uint32_t limit;
	uint64_t after; /* a place: the first that is not given any more; 0: from the beginning */
};

#define PAGE_KEYS(type, at)                                                                        \
	{"limit", &key_number, KEY_FIELD(type, at limit), .min = 1, .max = RPC_PAGE_MAX,           \
		.help = "how many at most"},                                                       \
	{                                                                                          \
		"after", &key_number, KEY_FIELD(type, at after),                                   \
			.max = INT64_MAX, .help = "`next` of the page before"                      \
	}

extern const struct key_table page_table; /* of struct page: a list that takes nothing else */
void page_defaults(void *page);           /* a struct page, or what begins with one */

/* The answer of a list: takes items. next: 0 is the end. */
int page_answer(struct rpc_call *call, const char *noun, json_t *items, uint64_t next);

struct worker_stats;
json_t *json_worker_counters(const struct worker_stats *s);

json_t *json_ip(const struct ip_addr *addr);

#endif
