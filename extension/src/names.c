/*
 * names.c
 *	  Names that people write: found exactly, else as SQL would fold them, else
 *	  the closest one is offered.
 */
#include "cerebro_pg.h"

#include "catalog/pg_type.h"
#include "parser/scansup.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#define MAX_DISTANCE 3

int
name_find(const char *name, char *const *names, int n_names)
{
	for (int i = 0; i < n_names; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

int
name_resolve(const char *name, char *const *names, int n_names)
{
	int at = name_find(name, names, n_names);

	if (at >= 0)
		return at;
	return name_find(downcase_identifier(name, strlen(name), false, false),
	                 names, n_names);
}

const char *
name_find_closest(const char *name, char *const *names, int n_names)
{
	const char *closest = NULL;
	int best = MAX_DISTANCE + 1;
	int size = strlen(name);

	for (int i = 0; i < n_names && size <= NAMEDATALEN; i++)
	{
		int length = strlen(names[i]);
		int distance;

		if (length > NAMEDATALEN)
			continue;
		distance = varstr_levenshtein_less_equal(name, size, names[i], length,
		                                         1, 1, 1, best - 1, true);
		if (distance >= best || distance > size / 2)
			continue;
		best = distance;
		closest = names[i];
	}
	return closest;
}

/* Fails with the closest name in the hint, or with all of them where few. */
void
name_fail(const char *what, const char *name, char *const *names, int n_names)
{
	const char *closest = name_find_closest(name, names, n_names);
	StringInfoData all;

	initStringInfo(&all);
	for (int i = 0; i < n_names && i < 40; i++)
		appendStringInfo(&all, "%s%s", i > 0 ? ", " : "", names[i]);
	if (n_names > 40)
		appendStringInfoString(&all, ", ...");
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
	                errmsg("%s \"%s\" does not exist", what, name),
	                closest ? errhint("Perhaps you meant \"%s\".", closest)
	                : n_names > 0 ? errhint("There are: %s.", all.data)
	                              : 0));
}

char *
names_print(char *const *names, int n_names)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n_names; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	return list.data;
}

char **
texts_from_array(Datum array, int *n_texts)
{
	ArrayType *texts = DatumGetArrayTypeP(array);
	Datum *values;
	bool *nulls;
	char **result;

	deconstruct_array(texts, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
	                  n_texts);
	result = palloc(Max(1, *n_texts) * sizeof(char *));
	for (int i = 0; i < *n_texts; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			                errmsg("a list of names may not contain NULL")));
		result[i] = TextDatumGetCString(values[i]);
	}
	return result;
}

Datum
texts_to_array(char *const *texts, int n_texts)
{
	Datum *values = palloc(Max(1, n_texts) * sizeof(Datum));

	for (int i = 0; i < n_texts; i++)
		values[i] = CStringGetTextDatum(texts[i]);
	return PointerGetDatum(
		construct_array(values, n_texts, TEXTOID, -1, false, TYPALIGN_INT));
}
