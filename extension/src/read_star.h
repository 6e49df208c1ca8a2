/*
 * read_star.h
 *	  A plan that joins small tables to rows -> those tables beside the rows.
 *
 *	 Hash Left Join					 base: Seq Scan on facts
 *	   -> Hash Join			becomes	 joins, in order: Seq Scan on a, by its key;
 *	   |    -> Seq Scan on facts					   Seq Scan on b, by its key
 *	   |    -> Hash -> Seq Scan on a
 *	   -> Hash -> Seq Scan on b
 *
 * Only tables that give a row at most one partner, and that are read whole by
 * each process.  What is read of base and tables are the star's columns; keys
 * and targets are expressions over them (INDEX_VAR).
 */
#ifndef CEREBRO_READ_STAR_H
#define CEREBRO_READ_STAR_H

#include "postgres.h"

#include "nodes/plannodes.h"

typedef struct StarJoin
{
	JoinType type;    /* JOIN_LEFT or JOIN_INNER */
	List *operators;  /* Oid, by column of the key */
	List *collations; /* Oid */
	List *keys;       /* Expr: what is looked for */
	List *attributes; /* int: of the table's rows, the same key */
	List *types;      /* Oid: theirs */
} StarJoin;

typedef struct Star
{
	Plan *base;
	List *inner;      /* Plan, by join */
	List *joins;      /* StarJoin; a key may be read of an earlier one's row */
	List *columns;    /* TargetEntry */
	List *places;     /* int: by column, number of the join; -1: base */
	List *attributes; /* int: by column, of that plan's rows */
	List *targets;    /* TargetEntry: what the plan had */
} Star;

/* Always one; of no joins where none can be taken apart. */
extern Star *star_find(const PlannedStmt *stmt, Plan *plan);
/* All but the plans, as nodes that can be copied and sent. */
extern List *star_pack(const Star *star);
extern Star *star_unpack(List *packed);

#endif
