/*
 * tables.h
 *	  Which tables a query reads, and the state that they are in.
 */
#ifndef CEREBRO_TABLES_H
#define CEREBRO_TABLES_H

#include "cerebro_pg.h"

#include "lib/stringinfo.h"

typedef struct TableWalk
{
	List *tables;      /* of OIDs, without repetition */
	List *enums;       /* of OIDs of types */
	bool is_telling;   /* so far the tables tell what it gives */
	bool has_policies; /* of row security: it gives so to one role only */
	bool is_of_user;   /* what it gives depends on who asks */
} TableWalk;

/* Adds what node, of a query with its views expanded, reads. */
extern void tables_walk(TableWalk *walk, Node *node);
/* A query as analysed -> with its views expanded. */
extern Query *tables_expand(const Query *query);
/* States of the walk's tables; those that cannot be told are left out, and the
 * walk is not telling any more. */
extern TableStates *tables_get_states(TableWalk *walk);
/* What the catalog has of the walk's types. */
extern void tables_print_types(StringInfo text, const TableWalk *walk);
extern bytea *tables_hash(const StringInfo text);

/* ---------------------------------------------------------- table_state.c */

/* NULL: it cannot be told. */
extern bytea *table_get_state(Oid relid);
/* What was done to an object's rows in the catalog shows in the text. */
extern void table_print_catalog(StringInfo text, int cache, Oid key);

#endif
