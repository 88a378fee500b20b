/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_read.h"

static const char *const action_words[] = {"discard", "bypass", "protect", NULL};

/* Whatever the index says: only a policy that protects has a tunnel. */
static void
policy_tunnel_write(struct writing *w, const struct key *key, const void *field)
{
	const struct config_policy *p = field;

	if (p->action == SPD_PROTECT)
		key_tunnel.write(w, key, &p->tunnel);
}

static void
policy_tunnel_read(struct object *o, const struct key *key, config_setting_t *value, void *field)
{
	key_tunnel.read(o, key, value, &((struct config_policy *)field)->tunnel);
}

static bool
policy_tunnel_equal(const struct key *key, const void *a, const void *b)
{
	const struct config_policy *x = a, *y = b;

	(void)key;
	return x->action != SPD_PROTECT || y->action != SPD_PROTECT || x->tunnel == y->tunnel;
}

static const struct key_type key_policy_tunnel = {.word = "tunnel's name",
	.read = policy_tunnel_read,
	.write = policy_tunnel_write,
	.equal = policy_tunnel_equal,
	.decides = true};

static const struct key policy_keys[] = {
	{"priority", &key_number, true, KEY_FIELD(config_policy, priority), .max = UINT32_MAX,
		.help = "the lowest that matches decides"},
	{"action", &key_word, true, KEY_FIELD(config_policy, action), .min = SPD_DISCARD,
		.words = action_words, .help = "protect, bypass (in the clear) or discard"},
	{"tunnel", &key_policy_tunnel, KEY_OBJECT,
		.help = "name of the tunnel; with protect, and only then"},
	SELECTOR_KEYS(config_policy, selector.),
};
const struct key_table policies_table = {
	"policies", "priority", policy_keys, KEY_COUNT(policy_keys)};

static void
policy_defaults(void *object, const void *like, const struct config_scope *scope)
{
	const struct config_policy *given = like;
	struct config_policy *p = object;

	(void)scope;
	*p = (struct config_policy){0};
	selector_defaults(&p->selector, given ? &given->selector : NULL);
}

static void
policy_read(struct object *o, void *object)
{
	struct config_policy *p = object;

	object_read(o, p);
	if (o->broken)
		return;
	selector_finish(o, &p->selector);
	if (p->action == SPD_PROTECT && !object_get(o, "tunnel"))
		object_error(o, NULL, "action \"protect\" needs a tunnel");
	if (p->action != SPD_PROTECT && object_get(o, "tunnel"))
		object_error(o, "tunnel", "is for action = \"protect\" only");
}

const struct kind policy_kind = {.noun = "policy",
	.table = &policies_table,
	.bytes = sizeof(struct config_policy),
	.origin_offset = offsetof(struct config_policy, origin),
	.array_offset = offsetof(struct config, policies),
	.count_offset = offsetof(struct config, n_policies),
	.defaults = policy_defaults,
	.read = policy_read};
