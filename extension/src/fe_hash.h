/*
 * fe_hash.h
 *	  Rows of a table by their key: values that are equal when their bytes are.
 */
#ifndef CEREBRO_FE_HASH_H
#define CEREBRO_FE_HASH_H

#include "input_coder.h"

typedef struct FeHash FeHash;

/* A column of a key. */
typedef struct FeHashColumn
{
	bool is_by_value;
	int16 size; /* -1: varlena */
} FeHashColumn;

#define FE_HASH_NONE 0

/* In a context of its own below the current one. */
extern FeHash *fe_hash_make(const FeHashColumn *columns, int n_columns);
extern void fe_hash_free(FeHash *hash);
/*
 * A copy for other processes, which look rows up in it where it lies.  Size 0:
 * it has keys that are too long for that.
 */
extern Size fe_hash_get_shared_size(const FeHash *hash);
extern void fe_hash_share(const FeHash *hash, char *to);
extern FeHash *
fe_hash_attach(const FeHashColumn *columns, int n_columns, char *from);
/*
 * A new row, numbered from 1 in the order in which they come; FE_HASH_NONE: no
 * look-up finds it, as a part of its key is NULL, or a row with that key came
 * before; then looking it up finds several.
 */
extern uint32 fe_hash_add(FeHash *hash, const Datum *values, const bool *nulls);
/* Numbers of the rows, or FE_HASH_NONE; false: several rows have one of the
 * keys. */
extern bool fe_hash_find(const FeHash *hash, const ValueColumn *columns,
                         int n_rows, uint32 *rows);
/* Of one row; FE_HASH_NONE where a part of the key is NULL, too. */
extern uint32
fe_hash_find_row(const FeHash *hash, const Datum *values, const bool *nulls);
/* Whether other rows have the key of a row that was found. */
extern bool fe_hash_is_several(const FeHash *hash, uint32 row);
extern Size fe_hash_get_size(const FeHash *hash);
/* Of its rows, one that is no row among them. */
extern uint32 fe_hash_count(const FeHash *hash);

#endif
