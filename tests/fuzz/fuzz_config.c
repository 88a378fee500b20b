/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as configuration: no report of sanitizers, and a configuration or a message. A
 * configuration that is written and read again is the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_equal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* Leaks are for the unit tests to find: libconfig 1.5 itself forgets a string when the text is no
 * configuration. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static void
write_and_read(const struct config *config)
{
	struct secret_buffer text = {0};
	struct report report = {0};
	struct config *again = NULL;
	const char *difference = NULL;

	if (config_print(config, &text) == 0)
		again = config_load_string(text.data, "again", &report);
	if (again)
		difference = config_difference(config, again);
	if (!again || difference) {
		report_print(&report, stderr);
		fprintf(stderr, "%s differ:\n%s", difference ? difference : "all", text.data);
		abort();
	}
	config_free(again);
	secret_buffer_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report report = {0};
	char *text = malloc(size + 1);
	struct config *config;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	config = config_load_string(text, "fuzz", &report);
	if ((config == NULL) != (report.count > 0))
		abort();
	if (config)
		write_and_read(config);
	config_free(config);
	report_clear(&report);
	free(text);
	return 0;
}
