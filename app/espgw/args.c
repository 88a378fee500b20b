/* SPDX-License-Identifier: BSD-3-Clause */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sizes.h"
#include "suggest.h"

#define STATE_DIR "/var/lib/espgw"
#define CTL_PATH "/run/espgw/espgw.sock"

enum {
	ETHDEVS_MAX = 32,  /* RTE_MAX_ETHPORTS */
	QUEUES_MAX = 1024, /* RTE_MAX_QUEUES_PER_PORT */
	LCORES_MAX = 128,  /* RTE_MAX_LCORE */
	MBUFS_MIN = 64,
	MBUFS_MAX = 1 << 26,
	DAY_S = 86400,
};

struct option_row;

/* Takes the option's value (NULL when it has none). 0 or -EINVAL. */
typedef int option_apply(
	struct args *args, const struct option_row *option, const char *value, struct error *err);

static option_apply apply_portmask, apply_interactive, apply_config, apply_file, apply_check,
	apply_idle, apply_stats, apply_crypto, apply_state, apply_promisc, apply_burst, apply_mbufs,
	apply_user, apply_seccomp, apply_version, apply_help, apply_ctl, apply_ctl_group;

static const struct option_row {
	const char *name;  /* without "--" */
	char letter;       /* 0: none */
	const char *value; /* what it is called; NULL: takes none */
	option_apply *apply;
	const char *text;
} options[] = {
	{"portmask", 'p', "HEX", apply_portmask, "ports to use; default all"},
	{"config", 0, "\"(port,queue,lcore),...\"", apply_config,
		"which lcore polls which queue; default: spread over the workers"},
	{"file", 'f', "PATH", apply_file, "configuration file"},
	{"ctl", 0, "PATH", apply_ctl, "control socket, or none; default " CTL_PATH},
	{"ctl-group", 0, "NAME", apply_ctl_group, "group that may use the control socket, too"},
	{"interactive", 'i', NULL, apply_interactive, "a prompt on this terminal"},
	{"check", 0, NULL, apply_check, "parse and validate the file, say what is wrong, exit"},
	{"exit-on-idle", 0, "MS", apply_idle, "stop when no port has received for MS milliseconds"},
	{"stats-period", 0, "SECONDS", apply_stats, "print statistics that often"},
	{"crypto", 0, "ENGINE", apply_crypto,
		"cryptodev, ipsec-mb, cryptodev-async or test; default: the first that can be "
		"made"},
	{"state", 0, "DIR", apply_state,
		"where used sequence numbers are remembered; default " STATE_DIR},
	{"promisc", 'P', NULL, apply_promisc, "ports in promiscuous mode"},
	{"burst", 0, "N", apply_burst, "packets taken at once, 1 to 256; default 64"},
	{"mbufs", 0, "N", apply_mbufs,
		"packet buffers; default: as many as queues and workers need"},
	{"user", 0, "NAME", apply_user, "become that user once devices and memory are there"},
	{"seccomp", 0, "MODE", apply_seccomp,
		"on, log or off: limit system calls; default: on where it can be"},
	{"version", 0, NULL, apply_version, "print the version"},
	{"help", 'h', NULL, apply_help, "print this"},
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

/* A decimal number between min and max. */
static int
number_parse(const struct option_row *option, const char *text, uint32_t min, uint32_t max,
	uint32_t *number, struct error *err)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno || value < min || value > max)
		return error_set(err, -EINVAL,
			"--%s: \"%.64s\" is no number from %" PRIu32 " to %" PRIu32, option->name,
			text, min, max);
	*number = (uint32_t)value;
	return 0;
}

static int
apply_portmask(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	const char *digits = strncasecmp(value, "0x", 2) == 0 ? value + 2 : value;
	char *end;
	uint64_t mask;

	(void)option;
	errno = 0;
	mask = strtoull(digits, &end, 16);
	if (!isxdigit((unsigned char)digits[0]) || *end != '\0' || errno || mask == 0 ||
		mask >> ETHDEVS_MAX)
		return error_set(err, -EINVAL,
			"--portmask: \"%.64s\" is no mask of ports 0 to %d in hexadecimal; 0x3 is "
			"ports 0 and 1",
			value, ETHDEVS_MAX - 1);
	args->portmask = mask;
	return 0;
}

/* "(port,queue,lcore)": moves *text behind it. */
static bool
queue_parse(const char **text, struct gateway_queue *queue)
{
	static const unsigned long max[] = {ETHDEVS_MAX - 1, QUEUES_MAX - 1, LCORES_MAX - 1};
	static const char after[] = ",,)";
	unsigned long numbers[3];
	const char *p = *text;

	if (*p++ != '(')
		return false;
	for (int i = 0; i < 3; i++) {
		char *end;

		if (!isdigit((unsigned char)*p))
			return false;
		numbers[i] = strtoul(p, &end, 10);
		if (numbers[i] > max[i] || *end != after[i])
			return false;
		p = end + 1;
	}
	*queue = (struct gateway_queue){
		(uint16_t)numbers[0], (uint16_t)numbers[1], (uint16_t)numbers[2]};
	*text = p;
	return true;
}

static int
apply_config(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	const char *p = value;
	struct gateway_queue *queues =
		calloc(strlen(value) / 7 + 1, sizeof(queues[0])); /* "(0,0,0)" */
	uint16_t n = 0;

	(void)option;
	if (!queues)
		return error_set(err, -ENOMEM, "--config: no memory");
	do {
		if (n == UINT16_MAX || !queue_parse(&p, &queues[n]))
			goto wrong;
		for (uint16_t i = 0; i < n; i++)
			if (queues[i].ethdev == queues[n].ethdev &&
				queues[i].queue == queues[n].queue) {
				error_set(err, 0, "--config: queue %u of port %u is given twice",
					queues[n].queue, queues[n].ethdev);
				goto fail;
			}
		n++;
	} while (*p == ',' && *++p);
	if (*p != '\0' || p[-1] == ',')
		goto wrong;
	free(args->queues);
	args->queues = queues;
	args->n_queues = n;
	return 0;
wrong:
	error_set(err, 0,
		"--config: wrong at \"%.32s\"; \"(port,queue,lcore),...\" is wanted, as "
		"\"(0,0,1),(1,0,2)\" (ports to %d, "
		"queues to %d, lcores to %d)",
		p, ETHDEVS_MAX - 1, QUEUES_MAX - 1, LCORES_MAX - 1);
fail:
	free(queues);
	return -EINVAL;
}

static int
text_store(
	const char **field, const struct option_row *option, const char *value, struct error *err)
{
	if (value[0] == '\0')
		return error_set(
			err, -EINVAL, "--%s: is empty; %s is wanted", option->name, option->value);
	*field = value;
	return 0;
}

static int
apply_file(struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return text_store(&args->file, option, value, err);
}

static int
apply_crypto(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return text_store(&args->crypto, option, value, err);
}

static int
apply_state(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return text_store(&args->state_dir, option, value, err);
}

static int
apply_ctl(struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	args->ctl_given = true;
	return text_store(&args->ctl, option, value, err);
}

static int
apply_ctl_group(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return text_store(&args->ctl_group, option, value, err);
}

static int
apply_user(struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return text_store(&args->user, option, value, err);
}

static int
apply_seccomp(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	static const struct {
		const char *name;
		enum sandbox_mode mode;
	} modes[] = {{"on", SANDBOX_ON}, {"log", SANDBOX_LOG}, {"off", SANDBOX_OFF}};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(value, modes[i].name) == 0) {
			args->seccomp = modes[i].mode;
			return 0;
		}
	return error_set(
		err, -EINVAL, "--%s: \"%.64s\" is none of on, log, off", option->name, value);
}

static int
apply_idle(struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return number_parse(option, value, 1, DAY_S * 1000, &args->exit_on_idle_ms, err);
}

static int
apply_stats(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return number_parse(option, value, 1, DAY_S, &args->stats_period_s, err);
}

static int
apply_mbufs(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	return number_parse(option, value, MBUFS_MIN, MBUFS_MAX, &args->mbufs, err);
}

static int
apply_burst(
	struct args *args, const struct option_row *option, const char *value, struct error *err)
{
	uint32_t burst = 0;

	if (number_parse(option, value, 1, BURST_MAX, &burst, err) != 0)
		return -EINVAL;
	args->burst = (uint16_t)burst;
	return 0;
}

/* Options that only say yes. */
#define APPLY_FLAG(name, field)                                                                    \
	static int name(struct args *args, const struct option_row *option, const char *value,     \
		struct error *err)                                                                 \
	{                                                                                          \
		(void)option;                                                                      \
		(void)value;                                                                       \
		(void)err;                                                                         \
		args->field = true;                                                                \
		return 0;                                                                          \
	}

APPLY_FLAG(apply_check, check)
APPLY_FLAG(apply_promisc, promiscuous)
APPLY_FLAG(apply_version, version)
APPLY_FLAG(apply_help, help)
APPLY_FLAG(apply_interactive, interactive)

/* "--name", "--name=value", "-l" or "-lvalue": the row, and where in the argument the value stands
 * (NULL: it does not). */
static const struct option_row *
option_find(const char *arg, const char **value)
{
	bool is_long = arg[1] == '-';
	size_t length = is_long ? strcspn(arg + 2, "=") : 1;

	*value = NULL;
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option_row *o = &options[i];

		if (is_long && strlen(o->name) == length &&
			strncmp(o->name, arg + 2, length) == 0) {
			if (arg[2 + length] == '=')
				*value = arg + 2 + length + 1;
			return o;
		}
		if (!is_long && o->letter && o->letter == arg[1]) {
			if (arg[2] != '\0')
				*value = arg + 2;
			return o;
		}
	}
	return NULL;
}

static int
option_unknown(const char *arg, struct error *err)
{
	const char *names[OPTIONS], *near;
	char word[48];

	if (arg[0] != '-' || arg[1] == '\0')
		return error_set(
			err, -EINVAL, "unexpected argument \"%.64s\": options begin with '-'", arg);
	for (size_t i = 0; i < OPTIONS; i++)
		names[i] = options[i].name;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(arg + strspn(arg, "-"), "="),
		arg + strspn(arg, "-"));
	near = suggest(word, names, OPTIONS);
	return error_set(err, -EINVAL, "unknown option \"%.64s\"%s%s%s; --help lists them", arg,
		near ? " (did you mean \"--" : "", near ? near : "", near ? "\"?)" : "");
}

/* The option at argv[*i], and its value, which may be the next argument. */
static int
option_parse(int argc, char **argv, int *i, struct args *args, struct error *err)
{
	const char *arg = argv[*i], *value = NULL;
	const struct option_row *o = arg[0] == '-' && arg[1] ? option_find(arg, &value) : NULL;

	if (!o)
		return option_unknown(arg, err);
	if (!o->value && value)
		return error_set(
			err, -EINVAL, "--%s takes no value, and \"%.64s\" is one", o->name, value);
	if (o->value && !value) {
		if (*i + 1 == argc)
			return error_set(err, -EINVAL, "--%s: %s is missing", o->name, o->value);
		value = argv[++*i];
	}
	return o->apply(args, o, value, err);
}

/* Whether a command line without "--" is espgw's own all the same. */
static bool
is_own(const char *arg)
{
	static const char *const first[] = {"-h", "--help", "--version", "--check", "-f", "--file"};

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		size_t length = strlen(first[i]);

		if (strncmp(arg, first[i], length) == 0 &&
			(arg[length] == '\0' || arg[length] == '='))
			return true;
	}
	return false;
}

/* The index of the first argument that is espgw's; *eal_argc: how many are EAL's. */
static int
split(int argc, char **argv, int *eal_argc)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0) {
			*eal_argc = i;
			return i + 1;
		}
	if (argc > 1 && is_own(argv[1])) {
		*eal_argc = 1;
		return 1;
	}
	*eal_argc = argc;
	return argc;
}

static int
file_missing(int argc, int eal_argc, struct error *err)
{
	static const char how[] = "espgw [EAL options] -- -f PATH; espgw -h lists the options";

	if (argc > 1 && eal_argc == argc)
		return error_set(err, -EINVAL,
			"there is no \"--\", so that all options are EAL's, and -f PATH, the "
			"configuration file, is missing: %s",
			how);
	return error_set(err, -EINVAL, "-f PATH, the configuration file, is missing: %s", how);
}

int
args_parse(int argc, char **argv, struct args *args, struct error *err)
{
	struct args parsed = {.eal_argv = argv,
		.portmask = UINT64_MAX,
		.burst = BURST_DEFAULT,
		.state_dir = STATE_DIR,
		.ctl = CTL_PATH};
	int i = split(argc, argv, &parsed.eal_argc), rc = 0;

	for (; rc == 0 && i < argc; i++)
		rc = option_parse(argc, argv, &i, &parsed, err);
	if (rc == 0 && !parsed.file && !parsed.help && !parsed.version)
		rc = file_missing(argc, parsed.eal_argc, err);
	if (strcmp(parsed.ctl, "none") == 0)
		parsed.ctl = NULL;
	if (rc == 0)
		*args = parsed;
	else
		free(parsed.queues);
	return rc;
}

void
args_free(struct args *args)
{
	free(args->queues);
	args->queues = NULL;
	args->n_queues = 0;
}

/* The option's value in EAL's part, "" when it has none; NULL: the option is not there. */
static const char *
eal_option(const struct args *args, const char *option)
{
	size_t length = strlen(option);
	bool is_long = option[1] == '-';

	for (int i = 1; i < args->eal_argc; i++) {
		const char *arg = args->eal_argv[i];

		if (strncmp(arg, option, length) != 0)
			continue;
		if (arg[length] == '\0')
			return i + 1 < args->eal_argc ? args->eal_argv[i + 1] : "";
		if (!is_long)
			return arg + length;
		if (arg[length] == '=')
			return arg + length + 1;
	}
	return NULL;
}

bool
args_eal_has(const struct args *args, const char *option)
{
	return eal_option(args, option) != NULL;
}

/* "0-3,5" or "(0-3)@0,4@(1,2)": how many lcores. What follows an '@' are CPUs. */
static unsigned long
lcores_count(const char *list)
{
	unsigned long count = 0, first, last;
	const char *p = list;

	while (*p) {
		char *end;

		if (*p == '@') {
			p += p[1] == '(' ? strcspn(p, ")") : strcspn(p, ",)");
			continue;
		}
		if (!isdigit((unsigned char)*p)) {
			p++;
			continue;
		}
		first = last = strtoul(p, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (first <= last && last < LCORES_MAX)
			count += last - first + 1;
		p = end;
	}
	return count;
}

/* The bits of a mask in hexadecimal. */
static unsigned long
mask_count(const char *mask)
{
	unsigned long count = 0;

	for (const char *p = mask; *p; p++) {
		char digit[2] = {*p, '\0'};

		count += (unsigned long)__builtin_popcountl(strtoul(digit, NULL, 16));
	}
	return count;
}

uint16_t
args_eal_lcores(const struct args *args)
{
	const char *list = eal_option(args, "--lcores"), *mask = eal_option(args, "-c");
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	if (!list)
		list = eal_option(args, "-l");
	if (list)
		count = (long)lcores_count(list);
	else if (mask)
		count = (long)mask_count(mask);
	if (count <= 2)
		return 1;
	return count > WORKERS_MAX ? WORKERS_MAX : (uint16_t)(count - 1);
}

void
args_usage(FILE *out)
{
	fprintf(out, "espgw [EAL options] -- [options]\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option_row *o = &options[i];
		char left[64], letter[8] = "";

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%4s--%s%s%s", letter, o->name, o->value ? " " : "",
			o->value ? o->value : "");
		fprintf(out, "  %-36s %s\n", left, o->text);
	}
	fprintf(out, "\nEAL's options (-l 0,1 --no-huge ...) come before the \"--\": the DPDK "
		     "guides list them.\n"
		     "At least one worker lcore is needed besides the main one.\n\n"
		     "  espgw --check -f FILE              is the configuration right?\n"
		     "  espgw -l 0,1 -a 0000:03:00.0 -a 0000:03:00.1 -- -f FILE\n"
		     "  espgwctl help                      what a running gateway can be asked\n");
}
