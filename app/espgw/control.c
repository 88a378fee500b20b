/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>

#include "log.h"
#include "prompt.h"

static int
socket_open(struct control *control, const struct args *args, const struct config *config,
	struct gateway *g, struct error *err)
{
	struct rpc_gateway_options options = {
		.path = args->ctl,
		.group = args->ctl_group,
		.readonly = config->ctl_readonly,
	};

	if (!args->ctl)
		return 0;
	control->rpc = rpc_gateway_open(g, &options, err);
	if (control->rpc)
		return 0;
	if (args->ctl_given || args->ctl_group)
		return errno ? -errno : -EIO;
	log_warn(main, "%s; it runs without a control socket (--ctl PATH names another one)",
		err->text);
	return 0;
}

int
control_open(struct control *control, const struct args *args, const struct config *config,
	struct gateway *g, struct error *err)
{
	const struct rpc_gateway_options inside = {.path = NULL};
	int rc;

	*control = (struct control){0};
	rc = socket_open(control, args, config, g, err);
	if (rc != 0 || !args->interactive)
		return rc;
	if (!control->rpc)
		control->rpc = rpc_gateway_open(g, &inside, err);
	if (control->rpc)
		control->prompt = prompt_open(g, control->rpc, err);
	return control->prompt ? 0 : -EIO;
}

void
control_close(struct control *control)
{
	prompt_close(control->prompt);
	rpc_gateway_close(control->rpc);
	*control = (struct control){0};
}
