/*
 * fe_dimension.h
 *	  Tables of FE whose rows can be found by a hash of their key.
 */
#ifndef CEREBRO_FE_DIMENSION_H
#define CEREBRO_FE_DIMENSION_H

#include "fe.h"
#include "fe_hash.h"

#include "nodes/parsenodes.h"

/* LEFT JOIN table ON source's columns = the table's, and nothing more; or
 * another dimension's columns in place of the source's. */
typedef struct FeDimension
{
	char *alias;
	int table;   /* its place among the query's */
	int through; /* the dimension that has its keys; FE_OF_SOURCE */
	int n_keys;
	FeHashColumn *keys;
	int *key_columns; /* of the task's query, from 0 */
	int n_targets;
	int *targets; /* places among the inputs that it alone gives */
	Oid relation; /* whose rows it is, as they lie; InvalidOid: of none */
	int n_links;  /* keys of dimensions through this one, one after the other */
	/* Selects keys, then targets, then of a relation ctid and xmin, then links;
	 * NULL-extended, targets (NULL: all NULL) */
	Query *rows;
	Query *missing;
} FeDimension;

/* What is looked through. */
typedef struct FeDimensionSearch
{
	const Task *task;
	const SelectStmt *select; /* of the model's query, raw */
	const int *raw_targets;   /* by input: among the raw targets */
	const Query *query;       /* analysed, its targets the inputs */
	int n_targets;
	bool has_own_rows; /* see source_check_joined_code */
} FeDimensionSearch;

/* Whether values of the type that the operator finds equal have equal bytes. */
extern bool fe_is_equal_by_bytes(const OpExpr *equal, Oid type);
/* List of FeDimension; those through which others are had stand before them. */
extern List *fe_dimension_find(const FeDimensionSearch *search);
/* Whether the input is a column of the task's query, handed on; which, from 0.
 */
extern bool fe_dimension_is_source(const Query *query, int target, int *column);

#endif
