/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects into groups of libconfig, and what their tables say besides. */
#include <errno.h>
#include <string.h>

#include "config_read.h"

static config_setting_t *
put(struct writing *w, const struct key *key, int type)
{
	return memory_or_die(config_setting_add(w->group, key->name, type));
}

void
put_bool(struct writing *w, const struct key *key, bool value)
{
	config_setting_set_bool(put(w, key, CONFIG_TYPE_BOOL), value);
}

config_setting_t *
put_number(struct writing *w, const struct key *key, uint64_t value)
{
	config_setting_t *setting =
		put(w, key, value <= INT32_MAX ? CONFIG_TYPE_INT : CONFIG_TYPE_INT64);

	if (value <= INT32_MAX)
		config_setting_set_int(setting, (int)value);
	else
		config_setting_set_int64(setting, (long long)value);
	return setting;
}

void
put_text(struct writing *w, const struct key *key, const char *value)
{
	if (value)
		config_setting_set_string(put(w, key, CONFIG_TYPE_STRING), value);
	else
		w->rc = -ENOENT;
}

config_setting_t *
put_array(struct writing *w, const struct key *key)
{
	return put(w, key, CONFIG_TYPE_ARRAY);
}

void
put_element(config_setting_t *array, const char *value)
{
	memory_or_die(config_setting_set_string_elem(array, -1, value));
}

config_setting_t *
put_list(struct writing *w, const struct key *key)
{
	return put(w, key, CONFIG_TYPE_LIST);
}

config_setting_t *
put_group(config_setting_t *list)
{
	return memory_or_die(config_setting_add(list, NULL, CONFIG_TYPE_GROUP));
}

bool
key_is_equal(const struct key *key, const void *a, const void *b)
{
	const char *x = (const char *)a + key->offset, *y = (const char *)b + key->offset;

	return key->type->equal ? key->type->equal(key, x, y) : memcmp(x, y, key->bytes) == 0;
}

bool
object_equal(const struct key_table *table, const void *a, const void *b)
{
	for (size_t i = 0; i < table->count; i++)
		if (!key_is_equal(&table->keys[i], a, b))
			return false;
	return true;
}

void
object_write(
	struct writing *w, const struct key_table *table, const void *object, const void *defaults)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct key *key = &table->keys[i];

		if (key->required || key->type->decides || !key_is_equal(key, object, defaults))
			key->type->write(w, key, (const char *)object + key->offset);
	}
}

const char *
key_word_at(const struct key *key, size_t i)
{
	if (key->type->word_at)
		return key->type->word_at(i);
	for (size_t j = 0; key->words && key->words[j]; j++)
		if (j == i)
			return key->words[j];
	return NULL;
}

void
config_setting_wipe(config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING && setting->value.sval)
		explicit_bzero(setting->value.sval, strlen(setting->value.sval));
	if (!config_setting_is_aggregate(setting))
		return;
	for (int i = 0; i < config_setting_length(setting); i++)
		config_setting_wipe(config_setting_get_elem(setting, (unsigned int)i));
}

static void
setting_copy(config_setting_t *parent, const config_setting_t *from)
{
	config_setting_t *to = memory_or_die(
		config_setting_add(parent, config_setting_name(from), config_setting_type(from)));

	switch (config_setting_type(from)) {
	case CONFIG_TYPE_INT:
		config_setting_set_int(to, config_setting_get_int(from));
		break;
	case CONFIG_TYPE_INT64:
		config_setting_set_int64(to, config_setting_get_int64(from));
		break;
	case CONFIG_TYPE_FLOAT:
		config_setting_set_float(to, config_setting_get_float(from));
		break;
	case CONFIG_TYPE_BOOL:
		config_setting_set_bool(to, config_setting_get_bool(from));
		break;
	case CONFIG_TYPE_STRING:
		config_setting_set_string(to, config_setting_get_string(from));
		break;
	default:
		for (int i = 0; i < config_setting_length(from); i++)
			setting_copy(to, config_setting_get_elem(from, (unsigned int)i));
	}
}

void
setting_replace_members(config_setting_t *group, const config_setting_t *changes)
{
	for (int i = 0; i < config_setting_length(changes); i++) {
		const config_setting_t *member = config_setting_get_elem(changes, (unsigned int)i);
		const char *name = config_setting_name(member);
		config_setting_t *old = config_setting_get_member(group, name);

		if (old) {
			config_setting_wipe(old);
			config_setting_remove(group, name);
		}
		setting_copy(group, member);
	}
}
