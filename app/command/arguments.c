/* SPDX-License-Identifier: BSD-3-Clause */
#include "arguments.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suggest.h"

enum { PARAMS_MAX = 128, FILE_BYTES_MAX = 1 << 20, NAME_BYTES = 64 };

struct argument {
	const struct method *method;
	const struct argument_sources *sources;
	json_t *params;
	struct error *err;
};

static void
params_unknown(const struct method *method, const char *name, struct error *err)
{
	const char *known[PARAMS_MAX] = {NULL}, *near;
	char list[320] = "";
	size_t count = 0, used = 0, i;
	const json_t *param;

	json_array_foreach (method->params, i, param)
		if (count < PARAMS_MAX)
			known[count++] = method_param_name(param);
	near = suggest(name, known, count);
	for (i = 0; i < count && used < sizeof(list); i++)
		used += (size_t)snprintf(
			list + used, sizeof(list) - used, "%s%s", i ? ", " : "", known[i]);
	if (count == 0)
		error_set(err, 0, "takes no parameters, and \"%.64s\" is one", name);
	else if (near)
		error_set(err, 0, "unknown parameter \"%.64s\"; did you mean \"%s\"?", name, near);
	else
		error_set(err, 0, "unknown parameter \"%.64s\"; there are: %s", name, list);
}

/* All of a stream, ended with NUL and without a newline at the end; wiped where it moves. */
static char *
stream_read(FILE *in, struct error *err)
{
	char *text = calloc(1, FILE_BYTES_MAX + 1);
	size_t bytes;

	if (!text)
		abort();
	bytes = fread(text, 1, FILE_BYTES_MAX, in);
	if (ferror(in) || (bytes == FILE_BYTES_MAX && fgetc(in) != EOF)) {
		error_set(err, 0, "%s", ferror(in) ? "cannot be read" : "holds more than 1 MiB");
		explicit_bzero(text, bytes);
		free(text);
		return NULL;
	}
	while (bytes > 0 && isspace((unsigned char)text[bytes - 1]))
		text[--bytes] = '\0';
	return text;
}

static FILE *
file_open(const char *path, bool regular, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | (regular ? O_NONBLOCK : 0));
	struct stat st;
	FILE *in;

	if (fd >= 0 && regular && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		error_set(err, 0, "%.200s: is no file that holds something", path);
		return NULL;
	}
	in = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (!in)
		error_set(err, 0, "%.200s: %s", path, strerror(errno));
	return in;
}

static char *
file_read(const char *path, bool regular, struct error *err)
{
	struct error why = {""};
	FILE *in = file_open(path, regular, err);
	char *text;

	if (!in)
		return NULL;
	setvbuf(in, NULL, _IONBF, 0); /* no second copy of a key */
	text = stream_read(in, &why);
	fclose(in);
	if (!text)
		error_set(err, 0, "%.200s %s", path, why.text);
	return text;
}

/* What "@FILE" or "-" stands for; NULL with what is wrong. */
static char *
source_read(const char *text, const struct argument_sources *sources, struct error *err)
{
	char *read = NULL;

	if (text[0] == '@' && sources->files)
		return file_read(text + 1, sources->regular, err);
	if (text[0] == '-' && sources->in) {
		setvbuf(sources->in, NULL, _IONBF, 0);
		read = stream_read(sources->in, err);
	} else {
		error_set(err, 0, "\"%.32s\": nothing can be read from there here", text);
	}
	return read;
}

static void
text_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static bool
is_source(const char *text)
{
	return text[0] == '@' || strcmp(text, "-") == 0;
}

static json_t *
value_number(const char *text)
{
	bool hex = strncasecmp(text, "0x", 2) == 0;
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, hex ? 16 : 10);
	if (errno || end == text || *end != '\0' || isspace((unsigned char)text[0]))
		return NULL;
	return json_integer(n);
}

static json_t *
value_boolean(const char *text)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(words[i], text) == 0)
			return json_boolean(i % 2);
	return NULL;
}

/* "a,b,c" */
static json_t *
value_array(const char *text)
{
	json_t *array = json_array();

	while (*text) {
		size_t length = strcspn(text, ",");

		if (length > 0)
			json_array_append_new(array, json_stringn(text, length));
		text += length + (text[length] == ',');
	}
	return array;
}

static json_t *
value_json(const char *text, struct error *err)
{
	json_error_t where;
	json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &where);

	if (!value)
		error_set(err, 0, "no JSON: %s (character %d)", where.text, where.position);
	return value;
}

/* A key's own text; its file and stdin are read without leaving copies. */
static json_t *
value_secret(const char *text, const struct argument_sources *sources, struct error *err)
{
	char *read;
	json_t *value;

	if (!is_source(text))
		return json_string(text);
	read = source_read(text, sources, err);
	value = read ? json_string(read) : NULL;
	if (read && !value)
		error_set(err, 0, "%.200s is no text: hex digits are wanted", text);
	text_free(read);
	return value;
}

static json_t *
value_of_type(const char *type, const char *text, struct error *err)
{
	json_t *value = NULL;

	if (text[0] == '{' || text[0] == '[')
		return value_json(text, err);
	if (strncmp(type, "array", 5) == 0 || strncmp(type, "list", 4) == 0)
		return value_array(text);
	if (strcmp(type, "boolean") == 0) {
		value = value_boolean(text);
		if (!value)
			error_set(err, 0, "\"%.64s\" is neither true nor false (yes, no, on, off)",
				text);
		return value;
	}
	if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0) {
		value = value_number(text);
		if (!value)
			error_set(err, 0, "\"%.64s\" is no whole number (42, 0x2a)", text);
		return value;
	}
	/* "string or number" and what is not said */
	if (strcmp(type, "string") != 0 && (type[0] == '\0' || strstr(type, "number")))
		value = value_number(text);
	if (!value && type[0] == '\0')
		value = value_boolean(text);
	if (!value)
		value = json_string(text);
	if (!value)
		error_set(err, 0, "is no UTF-8 text");
	return value;
}

/* A file's name as the gateway can use it: its working directory is another. */
static json_t *
value_path(const char *text, const struct argument_sources *sources)
{
	char folder[PATH_MAX];

	if (text[0] == '/' || !sources->files || !getcwd(folder, sizeof(folder)))
		return json_string(text);
	return json_sprintf("%s/%s", folder, text);
}

json_t *
argument_value(const char *name, const json_t *param, const char *text,
	const struct argument_sources *sources, struct error *err)
{
	const char *type = json_string_value(json_object_get(param, "type"));
	struct error why = {""};
	json_t *value;

	if (strcmp(name, "key") == 0)
		value = value_secret(text, sources, &why);
	else if (strcmp(name, "path") == 0)
		value = value_path(text, sources);
	else
		value = value_of_type(type ? type : "", text, &why);
	if (!value)
		error_set(err, 0, "%s: %s", name, why.text);
	return value;
}

json_t *
argument_object(const char *text, const struct argument_sources *sources, struct error *err)
{
	char *read = is_source(text) ? source_read(text, sources, err) : NULL;
	json_t *object = NULL;

	if (is_source(text) && !read)
		return NULL;
	object = value_json(read ? read : text, err);
	text_free(read);
	if (object && !json_is_object(object)) {
		json_decref(object);
		error_set(err, 0, "a JSON object {\"key\": value, ...} is wanted");
		return NULL;
	}
	return object;
}

static int
param_set(struct argument *a, const char *name, json_t *value)
{
	if (json_object_get(a->params, name)) {
		json_decref(value);
		return error_set(a->err, -EINVAL, "%s is given twice", name);
	}
	json_object_set_new(a->params, name, value);
	return 0;
}

/* "selectors.local": the member of the list's last object, or of the next one, where it has that
 * member already. */
static int
take_dotted(struct argument *a, const char *list_name, const char *member, const char *text)
{
	json_t *list = json_object_get(a->params, list_name), *object, *value;

	if (!list) {
		list = json_array();
		json_object_set_new(a->params, list_name, list);
	}
	object = json_array_get(list, json_array_size(list) ? json_array_size(list) - 1 : 0);
	if (!object || json_object_get(object, member)) {
		object = json_object();
		json_array_append_new(list, object);
	}
	value = value_of_type("string or number", text, a->err);
	if (!value)
		return -EINVAL;
	json_object_set_new(object, member, value);
	return 0;
}

static int
take_pair(struct argument *a, const char *name, const char *text)
{
	const json_t *param = method_param(a->method, name);
	char list[NAME_BYTES];
	const char *dot = strchr(name, '.');
	json_t *value;

	if (!param && dot) {
		snprintf(list, sizeof(list), "%.*s", (int)(dot - name), name);
		if (method_param(a->method, list))
			return take_dotted(a, list, dot + 1, text);
	}
	if (!param) {
		params_unknown(a->method, name, a->err);
		return -EINVAL;
	}
	value = argument_value(name, param, text, a->sources, a->err);
	return value ? param_set(a, name, value) : -EINVAL;
}

static int
take_object(struct argument *a, const char *word)
{
	json_t *object = argument_object(word, a->sources, a->err), *value;
	const char *name;
	int rc = 0;

	if (!object)
		return -EINVAL;
	json_object_foreach (object, name, value) {
		rc = param_set(a, name, json_incref(value));
		if (rc != 0)
			break;
	}
	json_decref(object);
	return rc;
}

/* Whether the value of a parameter is given already. */
static bool
is_given(const struct argument *a, const char *name)
{
	return json_object_get(a->params, name) != NULL;
}

/* The next of the noun's names that the method takes and that is not given yet. */
static const char *
next_name(const struct argument *a)
{
	const char *const *names = method_names(a->method->noun);

	for (; *names; names++)
		if (method_param(a->method, *names) && !is_given(a, *names))
			return *names;
	return NULL;
}

/* The next parameter in the order in which help shows them; pages are not said so. */
static const char *
next_in_order(const struct argument *a, bool required)
{
	const json_t *param;
	size_t i;

	json_array_foreach (a->method->params, i, param) {
		const char *name = method_param_name(param);

		if (!is_given(a, name) && method_param_required(param) == required &&
			strcmp(name, "limit") != 0 && strcmp(name, "after") != 0)
			return name;
	}
	return NULL;
}

/* First what is required, then what else names the object, then anything. NULL: there is none left.
 */
static const char *
next_param(const struct argument *a)
{
	const char *next = next_in_order(a, true);

	if (!next)
		next = next_name(a);
	return next ? next : next_in_order(a, false);
}

/* A value without a key. */
static int
take_bare(struct argument *a, const char *word)
{
	const char *name = next_param(a);

	if (name)
		return take_pair(a, name, word);
	return error_set(a->err, -EINVAL, "\"%.64s\" is too much: %s", word,
		json_array_size(a->method->params) ? "all has been said by then"
						   : "it takes no parameters");
}

/* A name before '=': what stands there in an address or in JSON is none. */
static size_t
name_length(const char *word)
{
	size_t length =
		strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");

	return word[length] == '=' && length > 0 && length < NAME_BYTES ? length : 0;
}

static int
take_word(struct argument *a, const char *word)
{
	size_t length = name_length(word);
	char name[NAME_BYTES];

	if (word[0] == '{' || is_source(word))
		return take_object(a, word);
	if (length == 0)
		return take_bare(a, word);
	snprintf(name, sizeof(name), "%.*s", (int)length, word);
	return take_pair(a, name, word + length + 1);
}

static int
check_missing(const struct argument *a)
{
	char list[256] = "";
	const json_t *param;
	size_t used = 0, i;

	json_array_foreach (a->method->params, i, param)
		if (method_param_required(param) && used < sizeof(list) &&
			!json_object_get(a->params, method_param_name(param)))
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
				used ? ", " : "", method_param_name(param));
	if (used == 0)
		return 0;
	return error_set(a->err, -EINVAL, "%s %s missing", list, strchr(list, ',') ? "are" : "is");
}

int
arguments_read(const struct method *method, const char *const *words, size_t count,
	const struct argument_sources *sources, json_t **params, struct error *err)
{
	struct argument a = {method, sources, json_object(), err};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = take_word(&a, words[i]);
	if (rc == 0)
		rc = check_missing(&a);
	if (rc == 0)
		*params = a.params;
	else
		json_decref(a.params);
	return rc;
}

bool
argument_is_secret(const char *word)
{
	if (strncmp(word, "key=", 4) == 0)
		return !is_source(word + 4);
	return word[0] == '{' && strstr(word, "\"key\"");
}
