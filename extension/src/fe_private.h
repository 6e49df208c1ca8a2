/*
 * fe_private.h
 *	  What the files of FE share.
 */
#ifndef CEREBRO_FE_PRIVATE_H
#define CEREBRO_FE_PRIVATE_H

#include "fe.h"
#include "nodes/parsenodes.h"

#define FE_SOURCE     "source"
#define FE_LABEL      " label"
#define FE_KEY        " key %d"
#define FE_SPLIT      " split"
#define FE_AS_OF      " as_of"
#define FE_KNOWN      " label_known"
#define FE_ROW        " row"
#define FE_IS_MATCHED " is_matched"

/* A column of a table or view of which a value is made. */
typedef struct FeOrigin
{
	Oid relation;
	AttrNumber attribute; /* 0: any */
	uint32 path;          /* in plain columns: equal for those of one row */
	bool is_of_others;    /* of rows that a subquery or aggregate brings in */
} FeOrigin;

typedef struct FeColumn
{
	char *name;
	Oid type;
	Oid collation;
	List *plain;   /* of FeOrigin: columns that it hands on unchanged */
	List *origins; /* of FeOrigin: all that it depends on */
} FeColumn;

/* col(left.left_column) = (this table).column */
typedef struct FeEqual
{
	const struct FeTable *left;
	int left_column;
	int column;
} FeEqual;

/* One alias of FROM; the first is the task's source. */
typedef struct FeTable
{
	const cer_fe_item *item; /* NULL: the source */
	char *alias;
	Oid relation; /* of the source: what it reads, or none */
	int n_columns;
	FeColumn *columns;
	Bitmapset *keys; /* columns that identify a row alone */

	/* how its rows are found */
	int n_equals;
	FeEqual *equals;
	Node *on;           /* raw; of ON */
	int time;           /* column that is cut at as_of; -1: none */
	bool is_time_equal; /* an equality on it: rows of that time, too */

	/* of a JOIN */
	List
		*on_columns; /* int: attributes that ON asks to be equal to something */
	List *on_operators;  /* Oid: by which equality */
	List *on_collations; /* Oid */
	bool is_single;      /* proven: at most one row */
	char *indicator; /* column that says whether there is one; NULL: always */

	/* of an AGGREGATE */
	bool is_of_label; /* reads what the task hides: only rows known by then */
	bool is_ordered;  /* its result depends on the order of rows */
} FeTable;

/* A column that FE can choose. */
typedef struct FeTarget
{
	char *name;
	Node *node; /* raw */
	bool is_in_star;
	bool is_label;
	bool is_excluded;
} FeTarget;

typedef struct Fe
{
	const Task *task;
	const cer_mst *mst;
	const char *text;         /* the triple's, for errors */
	const cer_fe_item *items; /* of the triple's FE */
	size_t n_items;
	bool is_looking;
	Query *base;        /* of the task */
	ColumnUse *uses;    /* of the source's columns */
	List *hidden;       /* of FeOrigin: what label and excluded columns are */
	List *hidden_label; /* of FeOrigin: the label's among them */
	List *times;        /* of fe_list_times */
	List *tables;       /* of FeTable, the source first, in FROM's order */
	List *targets;      /* of FeTarget */
} Fe;

/* ------------------------------------------------------------------ errors */

/* Where an item stands in the triple's canonical text. */
typedef struct FePlace
{
	const char *text;
	int line;
	int column;
} FePlace;

extern FePlace fe_at(const Fe *fe, const cer_fe_item *item);
/* Ends the message with the place, and shows it; what may be NULL. */
extern void fe_fail(FePlace place, int sqlstate, char *message, char *detail,
                    char *hint) pg_attribute_noreturn();
extern char *fe_text(cer_text text);

/* --------------------------------------------------------- raw parse trees */

extern Node *fe_column(const char *alias, const char *column);
extern Node *fe_operator(const char *name, Node *left, Node *right);
extern Node *
fe_equality(Node *left, Oid left_type, Node *right, Oid right_type);
extern Node *fe_and(List *conditions); /* NULL: none */
extern List *fe_list_conjuncts(Node *conditions);
extern Node *fe_integer(int value);
extern Node *fe_true(void);
extern Node *fe_is_null(Node *node, bool is_not);
extern ResTarget *fe_target(Node *node, const char *name);
extern RangeVar *fe_relation(Oid relation, const char *alias);
extern Node *fe_subselect(SelectStmt *select, const char *alias, List *names);
extern Node *fe_lateral(SelectStmt *select, const char *alias);
extern SelectStmt *fe_select(List *targets, Node *from, Node *where);
extern Node *fe_left_join(Node *left, Node *right, Node *on);
extern Query *fe_analyze(Node *select, const char *text);

/* -------------------------------------------------------------- catalog */

/* Columns of the query that a target hands on, outermost first. */
extern List *fe_trace(const Query *query, const Node *node);
/* All columns that it is made of; with conditions, of which rows, too. */
extern List *fe_collect(Query *query, Node *node, bool with_conditions);

/* Looks a JOIN's or AGGREGATE's relation up; fills columns. */
extern FeTable *fe_table_make(const Fe *fe, const cer_fe_item *item);
extern int fe_table_find_column(const FeTable *table, const char *name);
extern FeTable *fe_find_table(const Fe *fe, const char *alias);
/* Fills equals; false: what it needs is not there yet (not where is_last). */
extern bool fe_link(const Fe *fe, FeTable *table, bool is_last);
extern void
fe_note_equalities(FeTable *table, const Node *condition, Index rte);
extern bool fe_is_unique(FeTable *table);
/* Tells of JOINs that the query, with nothing but chosen columns, has no use for. */
extern void fe_tell_unused(const Fe *fe, Query *query);
/* Tells where rows are looked for one by one without an index. */
extern void fe_tell_of_index(const Fe *fe, const FeTable *table);
/* The declared times of tables, as the current user sees them. */
extern List *fe_list_times(void);
/* The time column of a relation; NULL: none is declared. */
extern char *fe_time_find(const List *times, Oid relation);
/* Fills time: declared for the relation, or for what its rows are rows of. */
extern void fe_note_time(const Fe *fe, FeTable *table);
/* Whether rows of one are rows of the other: partitions, tables that inherit. */
extern bool fe_is_part(Oid a, Oid b);
/* The query of a view or materialized view; NULL: it is none. */
extern Query *fe_open_view(Oid relation);

typedef enum FeHiding
{
	FE_NOTHING_READ,
	FE_EXCLUDED_READ,
	FE_LABEL_READ
} FeHiding;

/* Fills hidden and hidden_label. */
extern void fe_note_hidden(Fe *fe);
/* Whether what a table's values are made of is hidden. */
extern FeHiding
fe_hides(const Fe *fe, const FeTable *table, const List *origins);
extern FeHiding fe_hides_column(const Fe *fe, const FeTable *table, int column);
extern char *fe_print_hiding(FeHiding hiding); /* a sentence */

/* ---------------------------------------------------------------- query */

extern char *fe_key_name(int key);
/* The task's rows, under the names of its columns and those above. */
extern Node *fe_task_rows(const Fe *fe, const char *alias);
/* FROM with the first n tables, the source counted. */
extern Node *fe_from(const Fe *fe, int n_tables);
/* Lists of raw conditions. */
extern List *fe_equal_conditions(const FeTable *table);
extern List *fe_cut_conditions(const Fe *fe, const FeTable *table);
extern List *fe_join_conditions(const Fe *fe, const FeTable *table);
extern Node *fe_parse_on(const Fe *fe, const FeTable *table);
/* Whether rows of after as_of are hidden. */
extern bool fe_is_cut(const Fe *fe, const FeTable *table);
/* All that can be sorted: an order that depends on values alone. */
extern List *fe_sort(const FeTable *table, SortByDir direction);
extern List *fe_column_targets(const FeTable *table);
extern bool fe_is_told_by_column(const FeTable *table);
extern Node *fe_is_matched(const FeTable *table, bool is_matched);

/* Appends the JOINs to the tables, whatever their order. */
extern void fe_add_joins(Fe *fe, List *waiting);
extern void fe_check_equals(const Fe *fe, const FeTable *table);
extern void fe_add_aggregate(Fe *fe, FeTable *table);
extern Node *fe_aggregate(const Fe *fe, const FeTable *table);

/* A target more, in the star; raises where one has its name. */
extern FeTarget *
fe_add_target(Fe *fe, const cer_fe_item *item, char *name, Node *node);
/* Whether its encoder takes elements of arrays. */
extern bool fe_is_of_arrays(const cer_fe_item *item);
/* Elements of all columns of arrays, behind the other targets. */
extern void fe_add_arrays(Fe *fe);

/* Rewrites, in place, the aggregates that a grouped pass can give; query: the
 * statement analysed.  false: there are none. */
extern bool fe_group(SelectStmt *select, const Query *query);

/* ----------------------------------------------------------- expressions */

/* What an author wrote between parentheses, for errors that arise in it. */
typedef struct FeText
{
	FePlace place;
	const char *what; /* "expression \"speed\"" */
	char *text;
	ErrorContextCallback context;
} FeText;

extern void
fe_text_enter(FeText *text, FePlace place, const char *what, cer_text sql);
extern void fe_text_leave(FeText *text);
/* Names without an alias are the source's where it has them, if is_of_source.*/
extern Node *fe_text_parse(const Fe *fe, FeText *text, bool is_of_source);
/* Whether all aliases that are named are there: the table's or an earlier. */
extern bool fe_has_aliases(const Fe *fe, const FeTable *table, cer_text sql);
/* All checks of a query whose one target is the text; returns its node. */
extern Node *fe_text_check(const Fe *fe, const FeText *text, Query *query);
/* Errors for code that FE may not run. */
extern void fe_check_code(const FeText *text, Node *node);
/* Errors where node, of a query over the source, reads what the task hides. */
extern void
fe_check_hidden(const Fe *fe, const FeText *text, Query *query, Node *node);

#endif
