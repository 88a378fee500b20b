/* SPDX-License-Identifier: BSD-3-Clause */
#include <libconfig.h>

#include "rpc.h"

static json_t *
object_of(const config_setting_t *group)
{
	json_t *object = json_object();

	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned int)i);

		json_object_set_new(
			object, config_setting_name(member), rpc_json_of_setting(member));
	}
	return object;
}

static json_t *
array_of(const config_setting_t *list)
{
	json_t *array = json_array();

	for (int i = 0; i < config_setting_length(list); i++)
		json_array_append_new(
			array, rpc_json_of_setting(config_setting_get_elem(list, (unsigned int)i)));
	return array;
}

json_t *
rpc_json_of_setting(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return object_of(setting);
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		return array_of(setting);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return json_integer(config_setting_get_int64(setting));
	case CONFIG_TYPE_FLOAT:
		return json_real(config_setting_get_float(setting));
	case CONFIG_TYPE_STRING:
		return json_string(config_setting_get_string(setting));
	case CONFIG_TYPE_BOOL:
		return json_boolean(config_setting_get_bool(setting));
	default:
		return json_null();
	}
}
