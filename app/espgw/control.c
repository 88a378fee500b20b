/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>

#include "log.h"

int
control_open(struct control *control, const struct args *args, const struct config *config,
	struct gateway *g, struct error *err)
{
	struct rpc_gateway_options options = {
		.path = args->ctl,
		.group = args->ctl_group,
		.readonly = config->ctl_readonly,
	};

	*control = (struct control){0};
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

void
control_close(struct control *control)
{
	rpc_gateway_close(control->rpc);
	control->rpc = NULL;
}
