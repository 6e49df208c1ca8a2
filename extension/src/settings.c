/*
 * settings.c
 *	  The session settings that give a task's expressions their meaning.
 *
 * extract(dow FROM t) depends on TimeZone, '1/2/2013'::date on DateStyle: they
 * are stored when the task is made and put back around every evaluation, in
 * training and in scoring alike.
 */
#include "cerebro_pg.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "tsearch/ts_cache.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"
#include "utils/varlena.h"
#include "utils/xml.h"

/* search_path stands apart: names in it are resolved when captured. */
static const char *const setting_names[] = {
	"TimeZone",     "timezone_abbreviations",
	"DateStyle",    "IntervalStyle",
	"lc_monetary",  "lc_numeric",
	"lc_time",      "extra_float_digits",
	"bytea_output", "xmlbinary",
	"xmloption",    "default_text_search_config",
};

/*
 * The search path as names that mean the same for every role: "$user" is
 * resolved, schemas that do not exist are left out.
 */
static char *
capture_search_path(void)
{
	StringInfoData path;
	ListCell *cell;

	initStringInfo(&path);
	foreach (cell, fetch_search_path(false))
	{
		Oid schema = lfirst_oid(cell);
		char *name = get_namespace_name_or_temp(schema);

		if (name == NULL)
			continue;
		appendStringInfo(&path, "%s%s", path.len > 0 ? ", " : "",
		                 quote_identifier(name));
	}
	if (path.len == 0)
		appendStringInfoString(&path, "\"\"");
	return path.data;
}

static const char *
get_setting(const char *name)
{
	const char *value = GetConfigOption(name, false, false);

	return value != NULL ? value : "";
}

char **
settings_capture(int *n_settings)
{
	int n = lengthof(setting_names);
	char **settings = palloc((n + 1) * sizeof(char *));

	for (int i = 0; i < n; i++)
		settings[i] =
			psprintf("%s=%s", setting_names[i], get_setting(setting_names[i]));
	settings[n] = psprintf("search_path=%s", capture_search_path());
	*n_settings = n + 1;
	return settings;
}

static void
apply_setting(const char *setting)
{
	const char *equals = strchr(setting, '=');
	char *name;

	if (equals == NULL)
		ereport(ERROR,
		        (errcode(ERRCODE_DATA_CORRUPTED),
		         errmsg("stored setting \"%s\" is not name=value", setting)));
	name = pnstrdup(setting, equals - setting);
	/* some read files when they are set */
	if (strcmp(get_setting(name), equals + 1) != 0)
		(void) set_config_option(name, equals + 1, PGC_USERSET, PGC_S_SESSION,
		                         GUC_ACTION_SAVE, true, 0, false);
	pfree(name);
}

int
settings_enter(const Task *task)
{
	int level = NewGUCNestLevel();

	for (int i = 0; i < task->n_settings; i++)
		apply_setting(task->settings[i]);
	return level;
}

void
settings_leave(int level)
{
	AtEOXact_GUC(false, level);
}

/*
 * Setting a dozen of settings takes microseconds, too long for each row: the
 * values in force are compared with those wanted where they stand.
 */
struct SettingsImage
{
	pg_tz *time_zone;
	char *time_zone_abbreviations;
	int date_style;
	int date_order;
	int interval_style;
	char *lc_monetary;
	char *lc_numeric;
	char *lc_time;
	int float_digits;
	int bytea_output;
	int xml_binary;
	int xml_option;
	char *text_search_config;
	compat_search_path *search_path;
};

SettingsImage *
settings_image_make(void)
{
	SettingsImage *image = palloc(sizeof(SettingsImage));

	*image = (SettingsImage){
		.time_zone = session_timezone,
		.time_zone_abbreviations =
			pstrdup(get_setting("timezone_abbreviations")),
		.date_style = DateStyle,
		.date_order = DateOrder,
		.interval_style = IntervalStyle,
		.lc_monetary = pstrdup(locale_monetary),
		.lc_numeric = pstrdup(locale_numeric),
		.lc_time = pstrdup(locale_time),
		.float_digits = extra_float_digits,
		.bytea_output = bytea_output,
		.xml_binary = xmlbinary,
		.xml_option = xmloption,
		.text_search_config = pstrdup(TSCurrentConfig),
		.search_path = compat_get_search_path(CurrentMemoryContext),
	};
	return image;
}

bool
settings_image_is_current(SettingsImage *image)
{
	return image->time_zone == session_timezone &&
	       image->date_style == DateStyle && image->date_order == DateOrder &&
	       image->interval_style == IntervalStyle &&
	       image->float_digits == extra_float_digits &&
	       image->bytea_output == bytea_output &&
	       image->xml_binary == xmlbinary && image->xml_option == xmloption &&
	       strcmp(image->lc_monetary, locale_monetary) == 0 &&
	       strcmp(image->lc_numeric, locale_numeric) == 0 &&
	       strcmp(image->lc_time, locale_time) == 0 &&
	       strcmp(image->text_search_config, TSCurrentConfig) == 0 &&
	       strcmp(image->time_zone_abbreviations,
	              get_setting("timezone_abbreviations")) == 0 &&
	       compat_is_search_path_current(image->search_path);
}
