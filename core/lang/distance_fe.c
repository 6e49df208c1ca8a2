/*
 * lang/distance_fe.c
 *	  What FE says, fact by fact.
 *
 * Facts are compared by their hashes, weights belong to facts: the distance of
 * two FEs is the weight of the facts that only one of them has.  A name counts
 * more than how it is encoded, a table more than a column.
 */
#include "lang/distance.h"

enum
{
	FACT_STAR = 1,
	FACT_EXCEPT,
	FACT_COLUMN,
	FACT_TABLE,
	FACT_VALUE, /* of an AGGREGATE */
	FACT_DETAIL
};

static uint64_t
hash_name(uint64_t fact, const cer_ast *ast)
{
	return cer_hash_text(cer_hash_text(fact, ast->qualifier), ast->name);
}

/* What a join or an aggregate is called. */
static cer_text
get_alias(const cer_ast *item)
{
	for (const cer_ast *child = item->first; child; child = child->next)
		if (child->kind == CER_AST_ALIAS)
			return child->name;
	return item->name;
}

static void
visit_table(const cer_ast *item, cer_fact_fn fn, void *self)
{
	uint64_t kind = FACT_TABLE * 256 + (uint64_t) item->kind;

	fn(self, hash_name(kind, item), 2);
	for (const cer_ast *child = item->first; child; child = child->next)
		if (child->kind == CER_AST_DERIVED)
			fn(self,
			   hash_name(cer_hash_text(FACT_VALUE, get_alias(item)), child), 1);
}

void
cer_item_visit_facts(const cer_ast *item, cer_fact_fn fn, void *self)
{
	switch (item->kind)
	{
		case CER_AST_STAR:
			fn(self, cer_hash_number(FACT_STAR, 0), 2);
			break;
		case CER_AST_EXCEPT:
			for (const cer_ast *out = item->first; out; out = out->next)
				fn(self, hash_name(FACT_EXCEPT, out), 0.5);
			break;
		case CER_AST_JOIN:
		case CER_AST_AGGREGATE:
			visit_table(item, fn, self);
			break;
		default:
			fn(self, hash_name(FACT_COLUMN, item), 1);
			break;
	}
}

/* The column itself, or the value, is said by its fact; what is below it by
 * one detail each. */
static void
visit_column_details(const cer_ast *item, uint64_t hash, cer_fact_fn fn,
                     void *self)
{
	hash = hash_name(hash, item);
	for (const cer_ast *child = item->first; child; child = child->next)
		fn(self, cer_hash_tree(hash, child), 0.5);
}

static void
visit_table_details(const cer_ast *item, cer_fact_fn fn, void *self)
{
	uint64_t alias = cer_hash_text(FACT_DETAIL * 256 + (uint64_t) item->kind,
	                               get_alias(item));
	uint64_t rest = hash_name(alias + item->flag, item);
	bool has_rest = item->flag;

	for (const cer_ast *child = item->first; child; child = child->next)
		if (child->kind == CER_AST_DERIVED)
			visit_column_details(child, alias, fn, self);
		else
		{
			rest = cer_hash_tree(rest, child);
			has_rest = true;
		}
	if (has_rest)
		fn(self, rest, 0.5);
}

void
cer_item_visit_details(const cer_ast *item, cer_fact_fn fn, void *self)
{
	switch (item->kind)
	{
		case CER_AST_STAR:
		case CER_AST_EXCEPT:
			break;
		case CER_AST_JOIN:
		case CER_AST_AGGREGATE:
			visit_table_details(item, fn, self);
			break;
		default:
			visit_column_details(
				item, FACT_DETAIL * 256 + (uint64_t) item->kind, fn, self);
			break;
	}
}
