/*
 * source_key.c
 *	  What identifies a row of a source, where its author does not say.
 */
#include "cerebro_pg.h"

#include "access/sysattr.h"
#include "catalog/pg_constraint.h"
#include "nodes/makefuncs.h"
#include "parser/parsetree.h"

/* The source's column that hands on an attribute of its relation, or NULL. */
static char *
find_column_of(const Query *source, int attribute)
{
	ListCell *cell;

	foreach (cell, source->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		Var *var = (Var *) entry->expr;

		if (!entry->resjunk && IsA(var, Var) && var->varlevelsup == 0 &&
		    var->varattno == attribute)
			return entry->resname;
	}
	return NULL;
}

/* The relation's primary key, where the source hands it on; else no columns. */
char **
source_find_key(const Query *source, Oid relation, int *n_key)
{
	Bitmapset *attributes = NULL;
	Oid constraint;
	char **key;
	int at = -1;

	*n_key = 0;
	if (OidIsValid(relation))
		attributes = get_primary_key_attnos(relation, false, &constraint);
	key = palloc((bms_num_members(attributes) + 1) * sizeof(char *));
	while ((at = bms_next_member(attributes, at)) >= 0)
	{
		char *name =
			find_column_of(source, at + FirstLowInvalidHeapAttributeNumber);

		if (name == NULL)
		{
			*n_key = 0;
			return key;
		}
		key[(*n_key)++] = name;
	}
	return key;
}
