/* SPDX-License-Identifier: BSD-3-Clause */

/* sa.export_wireshark: static keys alone, since others are not kept anywhere. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "methods_objects.h"

struct export_params {
	char path[PATH_MAX];
};

static const struct key export_keys[] = {
	{"path", &key_text, true, KEY_FIELD(export_params, path),
		.help = "a new file of the machine that the gateway runs on"},
};
static const struct key_table export_table = {"params", NULL, export_keys, KEY_COUNT(export_keys)};

/* A line of Wireshark's table of ESP SAs, `esp_sa` in its profile's folder. All our algorithms are
 * AES-GCM with an ICV of 16 bytes, whose key it wants with the salt behind it. */
static void
line_write(FILE *out, const struct gateway_sa *s, const struct tunnel *t)
{
	const struct crypto_algorithm *a = crypto_algorithm_get(s->algorithm);
	const bool outbound = s->direction == SA_OUT;
	char src[IP_ADDR_STRLEN], dst[IP_ADDR_STRLEN];

	ip_addr_format(outbound ? &t->config.local : &t->config.remote, src);
	ip_addr_format(outbound ? &t->config.remote : &t->config.local, dst);
	fprintf(out,
		"\"IPv%u\",\"%s\",\"%s\",\"0x%08" PRIx32
		"\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0x",
		t->config.local.family, src, dst, s->spi);
	for (uint16_t i = 0; i < a->key_bytes + a->salt_bytes; i++)
		fprintf(out, "%02x", s->key[i]);
	fprintf(out, "\",\"NULL\",\"\"\n");
}

/* Returns how many SAs have a key to write. */
static uint32_t
sas_write(const struct gateway *g, FILE *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < gateway_sa_places(g); i++) {
		const struct gateway_sa *s = gateway_sa_at(g, i);
		const struct tunnel *t = s ? gateway_tunnel_at(g, s->tunnel) : NULL;

		if (!t || !s->key)
			continue;
		line_write(out, s, t);
		n++;
	}
	return n;
}

/* The stream's buffer would keep keys: it has none. */
static FILE *
file_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

	if (fd >= 0 && !out)
		close(fd);
	if (out)
		setvbuf(out, NULL, _IONBF, 0);
	return out;
}

static int
export_call(struct rpc_call *call, const void *params)
{
	const char *path = ((const struct export_params *)params)->path;
	uint32_t n;
	FILE *out;
	bool failed;

	if (path[0] != '/')
		return rpc_error_set(call, -EINVAL, "path",
			"path: \"%.200s\" does not begin with a \"/\": the gateway's working "
			"directory is not yours",
			path);
	out = file_make(path);
	if (!out)
		return rpc_error_set(call, -errno, "path", "path: %.200s: %s", path,
			errno == EEXIST ? "exists already; keys go to a new file"
					: strerror(errno));
	n = sas_write(call->context, out);
	failed = ferror(out);
	failed |= fclose(out) != 0;
	if (failed || n == 0)
		unlink(path);
	if (failed)
		return rpc_error_set(
			call, -EIO, "path", "path: %.200s: could not be written", path);
	if (n == 0)
		return rpc_error_set(call, -EPERM, NULL,
			"there is no SA with a static key (unsafe_static_keys in the configuration "
			"file); other keys are not kept");
	call->result = json_pack("{s:I}", "sas", (json_int_t)n);
	return 0;
}

const struct rpc_method methods_wireshark[] = {
	{"sa.export_wireshark", "write static keys to a file as Wireshark's table of ESP SAs",
		.writes = true, .alone = true, .params = &export_table,
		.params_bytes = sizeof(struct export_params), .call = export_call},
	{0},
};
