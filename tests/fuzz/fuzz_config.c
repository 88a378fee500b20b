/* SPDX-License-Identifier: BSD-3-Clause */
/* Any text as configuration: no report of sanitizers, and a configuration or a message. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* Leaks are for the unit tests to find: libconfig 1.5 itself forgets a string when the text is no
 * configuration. */
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
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
	config_free(config);
	report_clear(&report);
	free(text);
	return 0;
}
