/*
 * basis.h
 *	  What something that is kept in this process rests on, and whether that has
 *	  changed.
 *
 * PostgreSQL announces what changes in catalogs: a relation (its columns,
 * rights, policies, indexes, statistics), a type, a function, a schema, roles.
 * What rests on others than these stays as it is.
 */
#ifndef CEREBRO_BASIS_H
#define CEREBRO_BASIS_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"

typedef struct Basis Basis;

extern void basis_init(void);
/* A number that grows with each change of anything. */
extern uint64 basis_get_time(void);

/* In the current memory context; rests on roles and their members. */
extern Basis *basis_make(void);
extern void basis_add_relation(Basis *basis, Oid relation);
extern void basis_add_type(Basis *basis, Oid type);
extern void basis_add_row(Basis *basis, TupleDesc row);
/* With what policies and views add for the current user. */
extern void basis_add_query(Basis *basis, const Query *query);
extern void basis_add_plan(Basis *basis, const PlannedStmt *plan);
extern void basis_add_basis(Basis *basis, const Basis *other);
/* All functions, and names of schemas. */
extern void basis_add_functions(Basis *basis);

/* Changes since that time count, as far as they are remembered. */
extern void basis_look_from(Basis *basis, uint64 time);
/* The same number as long as nothing has changed of what it rests on. */
extern uint64 basis_get_generation(Basis *basis);

#endif
