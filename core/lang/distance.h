/*
 * lang/distance.h
 *	  What the files of distance, index keys and summaries share.
 *
 * d(a, b) = d_FE + d_AS + d_PT, each a metric on what that section says:
 *
 *	 FE	 a multiset of weighted facts; the weight of the symmetric difference
 *		 (a measure of it is a metric)
 *	 AS	 tree edit distance with costs that are a metric on labels and the
 *		 empty label (Zhang and Shasha 1989: then the distance is one, too)
 *	 PT	 a sum over settings of a bounded metric on each one's values
 *
 * Two numbers are apart by |log2(x / y)| / 4, at most 1: a factor of 16 is a
 * whole difference.  Zero, and numbers of different signs, are 1 apart.  With f
 * = log2 / 4 this is min(1, |f(x) - f(y)|), a metric, and so is adding points
 * at the greatest distance from all others.
 */
#ifndef CER_LANG_DISTANCE_H
#define CER_LANG_DISTANCE_H

#include "lang/ast.h"
#include "lang/path.h"

/* Octaves that make two numbers as different as can be. */
#define CER_OCTAVES 4.0

/* ----------------------------------------------------------- hashing */

/* Of what a text says after what from says: hashes chain. */
extern uint64_t cer_hash_text(uint64_t from, cer_text text);
extern uint64_t cer_hash_number(uint64_t from, double number);
extern uint64_t cer_hash_tree(uint64_t from, const cer_ast *ast);

/* ----------------------------------------------------------- keys */

/* Bits of a summary: what many triples share lies apart from what each has of
 * its own, so that boxes around many still lack bits. */
typedef enum cer_key_section
{
	CER_KEYS_FE,
	CER_KEYS_AS,  /* words */
	CER_KEYS_REST /* numbers, PT */
} cer_key_section;

/* What stands for a key in a summary; others may, too. */
extern size_t cer_key_get_bit(cer_key_section section, uint64_t key);
extern uint64_t cer_key_of_fact(uint64_t fact);
extern uint64_t cer_key_of_word(cer_text word); /* of AS */
/* Of a column's encoder, its first word; 0: it has none. */
extern uint64_t cer_key_of_encoder(const cer_ast *item);
/* Set the bits of all keys; of a pattern those that each triple has that it
 * contains. */
extern void cer_mst_sign(const cer_mst *mst, uint64_t bits[CER_SUMMARY_WORDS]);
extern void
cer_pattern_sign(const cer_pattern *pattern, uint64_t bits[CER_SUMMARY_WORDS]);

/* ----------------------------------------------------------- numbers */

extern double cer_number_distance(double x, double y);

/* Of two values of a setting, 0 to 1: numbers as such, others as equal or not.
 * NULL stands for a setting that is not there. */
extern double cer_value_distance(const cer_ast *x, const cer_ast *y);

/* ----------------------------------------------------------- FE */

/* Costs an item whose names are all there, but encoded or joined another way. */
#define CER_OTHER_WAY 0.5

typedef void (*cer_fact_fn)(void *self, uint64_t fact, double weight);

/* Names of what an item brings. */
extern void
cer_item_visit_facts(const cer_ast *item, cer_fact_fn fn, void *self);
/* How: encoders, ways to join, SQL.  Both together say all of the item. */
extern void
cer_item_visit_details(const cer_ast *item, cer_fact_fn fn, void *self);

/* ----------------------------------------------------------- AS */

typedef enum cer_tree_kind
{
	CER_TREE_ROOT,
	CER_TREE_WORD,   /* what is no number: kind and hash tell it */
	CER_TREE_NUMBER, /* a number of a list */
	CER_TREE_SETTING /* name = number: hash is the name's */
} cer_tree_kind;

/* A node of the structure, runs written out. */
typedef struct cer_tree_node
{
	uint64_t hash;
	double number;
	double octaves; /* log2 |number| */
	int32_t left;   /* its first leaf, in post-order */
	cer_tree_kind kind;
	bool is_open; /* a word without arguments; in a pattern they are free */
	bool is_key;  /* no first child: the root of a comparison */
} cer_tree_node;

/* In post-order. */
typedef struct cer_tree
{
	size_t n;
	cer_tree_node *nodes;
} cer_tree;

extern size_t cer_tree_measure(const cer_ast *as);
/* nodes has room for as many as measured. */
extern void
cer_tree_fill(cer_tree *tree, cer_tree_node *nodes, const cer_ast *as);

/*
 * All of a against all of b.  For a pattern b, the nearest tree below a: nodes
 * of a that stand around it are free, and so is what is below a word of a that
 * is matched with an open one.
 */
extern cer_status
cer_tree_distance(cer_arena *arena, const cer_tree *a, const cer_tree *b,
                  bool is_pattern, double *distance, cer_error *err);

/* How far the structure is from what a pattern has for AS. */
extern cer_status
cer_pattern_measure_structure(cer_arena *arena, const cer_ast *pattern,
                              const cer_ast *as, double *distance,
                              cer_error *err);

/* Words of AS: no two of them have one hash, which is never 0. */
extern bool cer_word_has_shape(const cer_word *word);
extern uint16_t cer_shape_hash(cer_text word);
/* All zero: the structure is none that a shape holds. */
extern void
cer_shape_write(const cer_ast *as, uint16_t shape[CER_SUMMARY_SHAPE]);

/* ----------------------------------------------------------- PT */

#define CER_OPTIMIZER_WEIGHT 1.0

extern double cer_setting_weight(cer_text name);

#endif
