/* SPDX-License-Identifier: BSD-3-Clause */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* Three significant digits and the letter of the power of 1000. Just below the next power it
 * would print "1000k": that is "1.00M". */
static const char *
scaled(char buf[UNITS_BYTES], double value, const char *blank, const char *unit)
{
	static const char *const letters[] = {"", "k", "M", "G", "T", "P", "E"};
	unsigned int power = 0;

	while (value >= 999.5 && power + 1 < sizeof(letters) / sizeof(letters[0])) {
		value /= 1000;
		power++;
	}
	snprintf(buf, UNITS_BYTES, "%.*f%s%s%s",
		value >= 99.95   ? 0
		: value >= 9.995 ? 1
				 : 2,
		value, blank, letters[power], unit);
	return buf;
}

const char *
units_count(char buf[UNITS_BYTES], uint64_t n)
{
	if (n < 100000) {
		snprintf(buf, UNITS_BYTES, "%" PRIu64, n);
		return buf;
	}
	return scaled(buf, (double)n, "", "");
}

const char *
units_bytes(char buf[UNITS_BYTES], uint64_t bytes)
{
	if (bytes < 1000) {
		snprintf(buf, UNITS_BYTES, "%" PRIu64 " B", bytes);
		return buf;
	}
	return scaled(buf, (double)bytes, " ", "B");
}

const char *
units_exact(char buf[UNITS_BYTES], uint64_t n)
{
	char digits[UNITS_BYTES];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n), used = 0;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			buf[used++] = ',';
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}

const char *
units_rate(char buf[UNITS_BYTES], double a_second)
{
	if (a_second <= 0) {
		snprintf(buf, UNITS_BYTES, "0");
		return buf;
	}
	return scaled(buf, a_second, "", "");
}

const char *
units_bits(char buf[UNITS_BYTES], double bits_a_second)
{
	if (bits_a_second <= 0) {
		snprintf(buf, UNITS_BYTES, "0 bit/s");
		return buf;
	}
	return scaled(buf, bits_a_second, " ", "bit/s");
}

const char *
units_seconds(char buf[UNITS_BYTES], uint64_t seconds)
{
	if (seconds < MINUTE)
		snprintf(buf, UNITS_BYTES, "%" PRIu64 " s", seconds);
	else if (seconds < HOUR)
		snprintf(buf, UNITS_BYTES, "%" PRIu64 " min %" PRIu64 " s", seconds / MINUTE,
			seconds % MINUTE);
	else if (seconds < DAY)
		snprintf(buf, UNITS_BYTES, "%" PRIu64 " h %" PRIu64 " min", seconds / HOUR,
			seconds % HOUR / MINUTE);
	else
		snprintf(buf, UNITS_BYTES, "%" PRIu64 " d %" PRIu64 " h", seconds / DAY,
			seconds % DAY / HOUR);
	return buf;
}
