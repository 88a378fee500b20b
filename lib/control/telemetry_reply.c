/* SPDX-License-Identifier: BSD-3-Clause */

/* What replies are made of. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_version.h>

#include "telemetry.h"

static const char from[] = "from=";

bool
telemetry_number(const char *params, uint64_t end, uint32_t *number)
{
	unsigned long value;
	char *rest;

	if (!params || !isdigit((unsigned char)*params))
		return false;
	value = strtoul(params, &rest, 10);
	*number = (uint32_t)value;
	return *rest == '\0' && value < end;
}

static int
list(const struct telemetry_family *family, const struct gateway *g, uint32_t first,
	struct rte_tel_data *d)
{
	uint32_t end = family->end(g), room = RTE_TEL_MAX_ARRAY_ENTRIES;

	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (uint32_t id = first; id < end && room > 0; id++) {
		if (family->exists && !family->exists(g, id))
			continue;
		rte_tel_data_add_array_int(d, (int)id);
		room--;
	}
	return 0;
}

int
telemetry_objects(const struct telemetry_family *family, const struct gateway *g,
	const char *params, struct rte_tel_data *d)
{
	uint32_t id;

	if (!params)
		return list(family, g, 0, d);
	if (strncmp(params, from, strlen(from)) == 0)
		return telemetry_number(params + strlen(from), UINT32_MAX, &id)
			       ? list(family, g, id, d)
			       : -EINVAL;
	if (!telemetry_number(params, family->end(g), &id))
		return -EINVAL;
	if (family->exists && !family->exists(g, id))
		return -ENOENT;
	rte_tel_data_start_dict(d);
	return family->detail(g, id, d);
}

void
telemetry_u64(struct rte_tel_data *d, const char *name, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	rte_tel_data_add_dict_uint(d, name, value);
#else
	rte_tel_data_add_dict_u64(d, name, value);
#endif
}

void
telemetry_text(struct rte_tel_data *d, const char *name, const char *value)
{
	rte_tel_data_add_dict_string(d, name, value);
}

void
telemetry_addr(struct rte_tel_data *d, const char *name, const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN];

	telemetry_text(d, name, ip_addr_format(addr, text));
}

void
telemetry_pair(
	struct rte_tel_data *d, const char *packets, const char *bytes, const struct counter *c)
{
	telemetry_u64(d, packets, counter_read(&c->packets));
	telemetry_u64(d, bytes, counter_read(&c->bytes));
}

int
telemetry_dict(struct rte_tel_data *d, const char *name, struct rte_tel_data *inner)
{
	int rc = rte_tel_data_add_dict_container(d, name, inner, 0);

	if (rc != 0)
		rte_tel_data_free(inner);
	return rc;
}
