/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter.h"

struct look_filter
look_filter_all(void)
{
	return (struct look_filter){.protocol = LOOK_ANY, .drop = LOOK_ANY};
}

uint8_t
look_filter_conditions(const struct look_filter *f)
{
	uint8_t conditions = 0;

	if (f->source.addr.family || f->destination.addr.family || f->address.addr.family ||
		f->protocol != LOOK_ANY || f->source_port || f->destination_port || f->port)
		conditions |= LOOK_HEADER;
	if (f->spi)
		conditions |= LOOK_SPI;
	if (f->by_tunnel)
		conditions |= LOOK_TUNNEL;
	if (f->drop != LOOK_ANY)
		conditions |= LOOK_DROP;
	return conditions;
}

static bool
in_prefix(const struct ip_prefix *prefix, uint8_t family, const uint8_t *bytes)
{
	struct ip_addr addr = {.family = family};

	if (prefix->addr.family == 0)
		return true;
	memcpy(addr.bytes, bytes, family == 4 ? 4 : 16);
	return ip_prefix_contains(prefix, &addr);
}

static bool
is_port(uint16_t wanted, uint16_t port)
{
	return wanted == 0 || wanted == port;
}

bool
look_filter_header(const struct look_filter *f, const struct look_header *h)
{
	if (h->family == 0)
		return !(look_filter_conditions(f) & LOOK_HEADER);
	if (f->protocol != LOOK_ANY && f->protocol != h->proto)
		return false;
	if (!is_port(f->source_port, h->src_port) || !is_port(f->destination_port, h->dst_port))
		return false;
	if (!is_port(f->port, h->src_port) && !is_port(f->port, h->dst_port))
		return false;
	return in_prefix(&f->source, h->family, h->src) &&
	       in_prefix(&f->destination, h->family, h->dst) &&
	       (in_prefix(&f->address, h->family, h->src) ||
		       in_prefix(&f->address, h->family, h->dst));
}

bool
look_filter_drop(const struct look_filter *f, enum drop_reason why)
{
	return f->drop == LOOK_ANY || f->drop == LOOK_DROP_ANY_REASON || f->drop == (int16_t)why;
}
