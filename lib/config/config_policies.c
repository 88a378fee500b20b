/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_read.h"

static const char *const action_words[] = {"discard", "bypass", "protect", NULL};

static const struct key policy_keys[] = {
	{"priority", key_number, true, KEY_FIELD(config_policy, priority), .max = UINT32_MAX},
	{"action", key_word, true, KEY_FIELD(config_policy, action), .min = SPD_DISCARD,
		.words = action_words},
	{"tunnel", key_tunnel, KEY_FIELD(config_policy, tunnel)},
	SELECTOR_KEYS(config_policy, selector.),
};
const struct key_table policies_table = {
	"policies", "priority", policy_keys, KEY_COUNT(policy_keys)};

static void
policy_read(struct object *o, struct config_policy *p)
{
	p->selector = selector_any();
	object_read(o, p);
	if (o->broken)
		return;
	selector_finish(o, &p->selector);
	if (p->action == SPD_PROTECT && !object_get(o, "tunnel"))
		object_error(o, NULL, "action \"protect\" needs a tunnel");
	if (p->action != SPD_PROTECT && object_get(o, "tunnel"))
		object_error(o, "tunnel", "is for action = \"protect\" only");
}

void
policies_read(struct object *top)
{
	struct config *config = top->reading->config;
	uint32_t n = list_length(top, "policies");

	config->policies = array_or_die(n, sizeof(config->policies[0]));
	config->n_policies = n;
	for (uint32_t i = 0; i < n; i++) {
		struct object o = list_object(top, "policies", i, &policies_table);

		policy_read(&o, &config->policies[i]);
		config->policies[i].origin = object_origin(&o);
	}
}
