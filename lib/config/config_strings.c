/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_strings.h"

#include <stdlib.h>
#include <string.h>

#include "fibre.h"

void *
memory_or_die(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void *
array_or_die(size_t count, size_t bytes)
{
	return count ? memory_or_die(calloc(count, bytes)) : NULL;
}

void *
copy_or_die(const void *from, size_t count, size_t bytes)
{
	void *copy = array_or_die(count, bytes);

	if (count)
		memcpy(copy, from, count * bytes);
	return copy;
}

void
wipe_in_turns(void *memory, size_t bytes)
{
	enum { PIECE_BYTES = 256 << 10 };

	for (size_t at = 0, n; at < bytes; at += n) {
		n = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
		explicit_bzero((char *)memory + at, n);
		fibre_rest();
	}
}

const char *
config_string_own(struct config *config, char *string)
{
	/* The array doubles whenever its size is a power of two. */
	if ((config->n_strings & (config->n_strings - 1)) == 0) {
		size_t room = config->n_strings ? config->n_strings * 2 : 1;

		config->strings = memory_or_die(realloc(config->strings, room * sizeof(char *)));
	}
	config->strings[config->n_strings++] = memory_or_die(string);
	return string;
}
