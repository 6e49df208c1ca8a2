/*
 * compat.h
 *	  Every difference between PostgreSQL versions stands here.
 */
#ifndef CEREBRO_COMPAT_H
#define CEREBRO_COMPAT_H

#include "fmgr.h"
#include "nodes/nodeFuncs.h"

#if PG_VERSION_NUM < 150000
#error "CEREBRO needs PostgreSQL 15 or later"
#endif

/* What the server looks up is visible though the rest is not; 16 has this. */
#if PG_VERSION_NUM < 160000
#undef PGDLLEXPORT
#define PGDLLEXPORT __attribute__((visibility("default")))
#undef PG_FUNCTION_INFO_V1
#define PG_FUNCTION_INFO_V1(name)                                    \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                 \
	extern PGDLLEXPORT const Pg_finfo_record *pg_finfo_##name(void); \
	const Pg_finfo_record *pg_finfo_##name(void)                     \
	{                                                                \
		static const Pg_finfo_record info = {1};                     \
		return &info;                                                \
	}                                                                \
	extern int no_such_variable
#endif

/* From 16 on the rights on relations stand beside the range table. */
#if PG_VERSION_NUM >= 160000
#define compat_set_permissions(query, state) \
	((query)->rteperminfos = (state)->p_rteperminfos)
#else
#define compat_set_permissions(query, state) ((void) (state))
#endif

/* From 16 on a context for soft errors. */
#if PG_VERSION_NUM >= 160000
#define compat_parse_qualified_name(text) stringToQualifiedNameList(text, NULL)
#else
#define compat_parse_qualified_name(text) stringToQualifiedNameList(text)
#endif

/* Which columns of a relation a query reads. */
#if PG_VERSION_NUM >= 160000
#define compat_forget_read_columns(entry) ((entry)->perminfoindex = 0)
#define compat_forget_permissions(query)  ((query)->rteperminfos = NIL)
#else
#define compat_forget_read_columns(entry) ((entry)->selectedCols = NULL)
#define compat_forget_permissions(query)  ((void) (query))
#endif

/*
 * The tables whose columns an expression reads.  From 16 on pull_varnos tells
 * the outer joins that may make them NULL, too.
 */
#if PG_VERSION_NUM >= 160000
static inline bool
compat_add_table(Node *node, void *tables)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		*(Bitmapset **) tables =
			bms_add_member(*(Bitmapset **) tables, ((Var *) node)->varno);
	return expression_tree_walker(node, compat_add_table, tables);
}

static inline Bitmapset *
compat_pull_tables(Node *node)
{
	Bitmapset *tables = NULL;

	(void) compat_add_table(node, &tables);
	return tables;
}
#else
#define compat_pull_tables(node) pull_varnos(NULL, node)
#endif

/* Where a relation's rows lie. */
#if PG_VERSION_NUM >= 160000
#define compat_relation_file(relation) ((relation)->rd_locator.relNumber)
#else
#define compat_relation_file(relation) ((relation)->rd_node.relNode)
#endif

/* The search path in force, to compare with later ones; renamed in 17. */
#if PG_VERSION_NUM >= 170000
#define compat_search_path              SearchPathMatcher
#define compat_get_search_path(context) GetSearchPathMatcher(context)
#define compat_is_search_path_current(path) \
	SearchPathMatchesCurrentEnvironment(path)
#else
#define compat_search_path              OverrideSearchPath
#define compat_get_search_path(context) GetOverrideSearchPath(context)
#define compat_is_search_path_current(path) \
	OverrideSearchPathMatchesCurrent(path)
#endif

/* RelationGetPrimaryKeyIndex asks since 18 whether a deferrable one will do. */
#if PG_VERSION_NUM >= 180000
#define compat_primary_key(rel) RelationGetPrimaryKeyIndex(rel, false)
#else
#define compat_primary_key(rel) RelationGetPrimaryKeyIndex(rel)
#endif

/* One function per kind of object until 15. */
#if PG_VERSION_NUM >= 160000
#define compat_function_aclcheck(oid, role) \
	object_aclcheck(ProcedureRelationId, oid, role, ACL_EXECUTE)
#define compat_schema_aclcheck(oid, role) \
	object_aclcheck(NamespaceRelationId, oid, role, ACL_CREATE)
#define compat_function_ownercheck(oid, role) \
	object_ownercheck(ProcedureRelationId, oid, role)
#else
#define compat_function_aclcheck(oid, role) \
	pg_proc_aclcheck(oid, role, ACL_EXECUTE)
#define compat_schema_aclcheck(oid, role) \
	pg_namespace_aclcheck(oid, role, ACL_CREATE)
#define compat_function_ownercheck(oid, role) pg_proc_ownercheck(oid, role)
#endif

/* Since 16 input functions may be asked to keep an error instead. */
#if PG_VERSION_NUM >= 160000
#define compat_errsave(context, ...) errsave(context, __VA_ARGS__)
#else
#define compat_errsave(context, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* What an EXPLAIN prints is declared apart since 18. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#else
#include "commands/explain.h"
#endif

/* Renamed in 16. */
#if PG_VERSION_NUM >= 160000
#define compat_get_backend_status(index) \
	pgstat_get_local_beentry_by_index(index)
#else
#define compat_get_backend_status(index) pgstat_fetch_stat_local_beentry(index)
#endif

/* Written before the type since 18; GCC takes it behind as well. */
#if PG_VERSION_NUM >= 180000
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* An executor runs once only since 18. */
#if PG_VERSION_NUM >= 180000
#define compat_executor_run(desc)       ExecutorRun(desc, ForwardScanDirection, 0)
#define compat_executor_run_again(desc) compat_executor_run(desc)
#else
#define compat_executor_run(desc) \
	ExecutorRun(desc, ForwardScanDirection, 0, true)
#define compat_executor_run_again(desc) \
	ExecutorRun(desc, ForwardScanDirection, 0, false)
#endif

/* SQL's own expressions of JSON: some came with 16, the others with 17. */
#if PG_VERSION_NUM >= 170000
#define compat_is_json_expr(node) \
	(IsA(node, JsonConstructorExpr) || IsA(node, JsonExpr))
#elif PG_VERSION_NUM >= 160000
#define compat_is_json_expr(node) IsA(node, JsonConstructorExpr)
#else
#define compat_is_json_expr(node) false
#endif

/* Since 16 it may be told that attributes may be missing. */
#if PG_VERSION_NUM >= 160000
#define compat_build_attrmap_by_name(from, to) \
	build_attrmap_by_name(from, to, false)
#else
#define compat_build_attrmap_by_name(from, to) build_attrmap_by_name(from, to)
#endif

/* From 18 on it is told of a result relation; a source has none. */
#if PG_VERSION_NUM >= 180000
#define compat_replace_vars(node, rte, targets)            \
	ReplaceVarsFromTargetList(node, 1, 0, rte, targets, 0, \
	                          REPLACEVARS_REPORT_ERROR, 0, NULL)
#else
#define compat_replace_vars(node, rte, targets)         \
	ReplaceVarsFromTargetList(node, 1, 0, rte, targets, \
	                          REPLACEVARS_REPORT_ERROR, 0, NULL)
#endif

/* From 18 on columns of grouped queries are those of an entry of their own. */
#if PG_VERSION_NUM >= 180000
#define compat_group_exprs(entry) \
	((entry)->rtekind == RTE_GROUP ? (entry)->groupexprs : NIL)
#else
#define compat_group_exprs(entry) NIL
#endif

#endif
