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
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

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
