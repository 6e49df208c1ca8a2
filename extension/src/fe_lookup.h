/*
 * fe_lookup.h
 *	  A model's query over rows that are to be scored: what it is (fe_lookup.c),
 *	  and one use of it (fe_run.c).
 */
#ifndef CEREBRO_FE_LOOKUP_H
#define CEREBRO_FE_LOOKUP_H

#include "basis.h"
#include "fe_dimension.h"
#include "fe_private.h"
#include "fe_reader.h"

#include "executor/tuptable.h"
#include "utils/queryenvironment.h"
#include "utils/tuplestore.h"

typedef struct FeOutput
{
	Oid type;
	int16 size;
	bool by_value;
} FeOutput;

/* The query with some of its targets, planned for few rows, for many, and for
 * many with a grouped pass. */
typedef struct FeQuery
{
	int n_targets;
	int *targets; /* among the inputs */
	Query *query; /* they, then the row's number */
	QueryPlan *plans[3];
	uint64 generation; /* of what query and plans rest on */
} FeQuery;

#define FE_FEW     0
#define FE_MANY    1
#define FE_GROUPED 2

#define FE_MANY_ROWS 1024 /* that a plan for many is made for */

/* A dimension and what reads it. */
typedef struct FeDimensionPlan
{
	const FeDimension *about;
	int *key_places; /* among the columns that are read of the source */
	QueryPlan *rows;
	QueryPlan *missing; /* NULL: all NULL */
} FeDimensionPlan;

struct FeSplit
{
	uint64 generation;
	FeInput *inputs;
	FeQuery rest; /* those that dimensions and the source do not give */
	int n_dimensions;
	FeDimensionPlan *dimensions;
};

/* What a way costs: to begin with, and for each row. */
typedef struct FeLine
{
	double start;
	double each;
} FeLine;

/* As things are in one generation; each is made when it is asked for. */
typedef struct FeLines
{
	uint64 generation; /* 0: none is made */
	FeLine probe;
	double spent; /* by probes that were compared with nothing */
	bool has_pass;
	FeLine pass;
	bool has_batch;
	FeLine whole[FE_GROUPED + 1]; /* by FE_MANY and FE_GROUPED */
	FeLine rest[FE_GROUPED + 1];  /* of what a pass leaves to the query */
} FeLines;

struct FeLookup
{
	const Task *task;
	MemoryContext context;
	bool has_own_rows; /* of the task's relation */
	Basis *basis;      /* of all that follows */
	SettingsImage *settings;
	bool is_lasting;

	/* rows to the columns that are read */
	RowEvaluator *evaluator;
	int n_columns; /* of the base query that are read */
	int *columns;
	Datum *datums;
	bool *nulls;
	TupleDesc desc; /* of rows in the source's place */

	/* inputs */
	int n_targets;
	int *targets; /* of the query as it is kept */
	FeOutput *outputs;
	FeQuery whole;
	FeSplit *split; /* NULL: not made yet */
	FeLines lines;

	/* the query with a grouped pass; NULL: it has none */
	Query *groups;
	uint64 groups_generation; /* of which it is; 0: not made yet */
};

/* The settings under which it reads, entered where they are not in force, and
 * the role with whose rights it does. */
typedef struct FeScope
{
	int level; /* of settings; 0: not entered */
	FeReader reader;
} FeScope;

extern FeScope fe_lookup_enter(const FeLookup *lookup);
extern void fe_lookup_leave(const FeScope *scope);
/* Does work there; of errors on rows that the user may not see tells no more
 * than that they happened. */
extern void
fe_lookup_do(const FeLookup *lookup, void (*work)(void *), void *self);
/* The model's query, analysed as things are now, and as it was parsed. */
extern Query *fe_lookup_analyze(const FeLookup *lookup, RawStmt **statement);
extern Query *fe_lookup_keep_inputs(const FeLookup *lookup, const Query *all);
/* Describes rows in the source's place; the caller says where they are. */
extern void
fe_lookup_name_rows(const FeLookup *lookup, EphemeralNamedRelation rows);
/* Plans that are as things are now; of FE_GROUPED NULL: there is none. */
extern const QueryPlan *
fe_lookup_get_plan(FeLookup *lookup, FeQuery *query, int size);

#endif
