/*
 * lang/parse_private.h
 *	  What the files of the parser share: recursive descent from tokens to a
 *	  tree, one function per rule, one token ahead.
 *
 *	 triple    = ['FE' item {',' item}] ['AS' value]
 *				 ['PT' argument {',' argument}] ['@' version]	parse.c
 *	 item      parse_fe.c
 *	 value     parse_value.c
 *
 * FE, AS and PT are reserved outside parentheses.  Which words and values make
 * sense is the resolver's affair.
 */
#ifndef CER_LANG_PARSE_PRIVATE_H
#define CER_LANG_PARSE_PRIVATE_H

#include "lang/ast.h"
#include "lang/lex.h"

typedef struct cer_parser
{
	cer_lexer lexer;
	cer_arena *arena;
	cer_error *err;
	cer_token token;    /* not yet used */
	int before;         /* the kind of the token before */
	int depth;          /* of parentheses */
	bool is_space;      /* what stands for many values is allowed */
	bool is_definition; /* and so is arithmetic */
	bool has_version;
} cer_parser;

/* A rule: reads from the token in hand on, leaves in hand what follows. */
typedef cer_status (*cer_parse_fn)(cer_parser *p, cer_ast **node);

/* ------------------------------------------------------------- tokens */

extern cer_status
cer_parser_init(cer_parser *p, cer_arena *arena, cer_text text, cer_error *err);
extern cer_status cer_parser_advance(cer_parser *p);
extern cer_status
cer_parser_make(cer_parser *p, cer_ast_kind kind, cer_ast **node);

/* The token in hand is this word (upper case), in any case, without quotes. */
extern bool cer_parser_is_word(const cer_parser *p, const char *word);
/* If so, goes on. */
extern cer_status
cer_parser_skip_word(cer_parser *p, const char *word, bool *is_there);
/* A section's keyword outside parentheses. */
extern bool cer_parser_is_reserved(const cer_parser *p);
/* Words that begin an item, or a part of one, are no bare names there. */
extern bool cer_parser_is_item_word(const cer_parser *p);
extern bool cer_parser_is_clause_word(const cer_parser *p);
/* A name, quoted or not, and not reserved. */
extern bool cer_parser_is_name(const cer_parser *p);

/* Fails at the token in hand; expected completes "Expected ...". */
extern cer_status cer_parser_fail(cer_parser *p, const char *expected);
extern cer_status
cer_parser_expect(cer_parser *p, int kind, const char *expected);
extern cer_status cer_parser_open(cer_parser *p, const char *expected);
extern cer_status cer_parser_close(cer_parser *p);

/* rule {',' rule}, appended to parent */
extern cer_status
cer_parse_list(cer_parser *p, cer_parse_fn rule, cer_ast *parent);

/* ------------------------------------------------------------- rules */

/* [item of FE] */
extern cer_status cer_parse_item(cer_parser *p, cer_ast **item);
/* [alias '.'] column */
extern cer_status cer_parse_column(cer_parser *p, cer_ast **column);
/* What stands after ':' in an item: operand {'+' operand} */
extern cer_status cer_parse_encoders(cer_parser *p, cer_ast **encoders);
/* '(' sql ')': the opening parenthesis is in hand. */
extern cer_status cer_parse_sql(cer_parser *p, cer_ast **sql);

extern cer_status
cer_parse_value(cer_parser *p, const char *expected, cer_ast **value);
extern cer_status
cer_parse_operand(cer_parser *p, const char *expected, cer_ast **operand);
extern cer_status cer_parse_number(cer_parser *p, cer_ast **number);
/* [name '='] value */
extern cer_status cer_parse_argument(cer_parser *p, cer_ast **argument);
/* FE.planes, AS.mlp.units[2], PT.lr; FE, AS and PT are not reserved in it. */
extern cer_status cer_parse_path(cer_parser *p, cer_ast **path);

/* '{' rule {',' rule} '}' */
extern cer_status
cer_parse_choice(cer_parser *p, cer_parse_fn rule, cer_ast **choice);
/* '?' rule */
extern cer_status
cer_parse_optional(cer_parser *p, cer_parse_fn rule, cer_ast **optional);
/* ['IF' path '=' operand] after what stands for many values */
extern cer_status cer_parse_condition(cer_parser *p, cer_ast **value);

/* ['@' number] */
extern cer_status cer_parse_version(cer_parser *p);
/* A triple's sections, as far as they are there, and the version. */
/* Of what follows the last section that was read; sets the error's hint. */
extern const char *
cer_parser_describe_rest(const cer_parser *p, const cer_ast *triple);
extern void cer_parser_hint_rest(cer_parser *p, const cer_ast *triple);
/* Where SQL was to stand in parentheses; where a change's step was to begin. */
extern void cer_parser_hint_sql(cer_parser *p);
extern void cer_parser_hint_step(cer_parser *p);

extern cer_status cer_parse_triple(cer_parser *p, cer_ast **triple);

#endif
