/*
 * lang/parse_value.c
 *	  Values: numbers, words with arguments, chains of layers, and in spaces
 *	  what stands for many.
 *
 *	 argument  = [name '='] value
 *	 value     = term {'>' term}
 *	 term      = sum [('x' | 'xx') sum]
 *	 sum       = product {('+' | '-') product}				in definitions; else
 *	 product   = operand {('*' | '/') operand}				operand
 *	 operand   = number | word ['(' [argument {',' argument}] ')'] | many
 *	 many      = ('{' argument {',' argument} '}' | '?' operand
 *				 | number '..' number ['log'] ['step' number])
 *				 ['IF' path ['=' operand]]
 *
 * Only spaces have `many` and xx.  Inside parentheses a word may be quoted:
 * the name of a table.
 */
#include "lang/parse_private.h"

/* A node around one that was read before: it stands where that one does. */
static cer_status
wrap(cer_parser *p, cer_ast_kind kind, cer_ast **node)
{
	cer_ast *parent = cer_ast_make(p->arena, kind, (*node)->place);

	if (parent == NULL)
		return cer_fail_memory(p->err, sizeof(*parent));
	cer_ast_append(parent, *node);
	*node = parent;
	return CER_OK;
}

cer_status
cer_parse_number(cer_parser *p, cer_ast **number)
{
	bool is_negative = p->token.kind == '-';

	CER_TRY(cer_parser_make(p, CER_AST_NUMBER, number));
	if (is_negative)
		CER_TRY(cer_parser_advance(p));
	if (p->token.kind != CER_TOKEN_NUMBER)
		return cer_parser_fail(p, "a number");
	(*number)->number = is_negative ? -p->token.number : p->token.number;
	return cer_parser_advance(p);
}

static bool
is_number(const cer_parser *p)
{
	return p->token.kind == CER_TOKEN_NUMBER || p->token.kind == '-';
}

static cer_status
parse_step_of_range(cer_parser *p, cer_ast *range)
{
	cer_ast *step;
	cer_ast *number;

	if (!cer_parser_is_word(p, "STEP"))
		return CER_OK;
	CER_TRY(cer_parser_make(p, CER_AST_NAMED, &step));
	step->name = p->token.name;
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parse_number(p, &number));
	cer_ast_append(step, number);
	cer_ast_append(range, step);
	return CER_OK;
}

/* number, or the range that it begins */
static cer_status
parse_numbers(cer_parser *p, cer_ast **value)
{
	cer_ast *most;

	CER_TRY(cer_parse_number(p, value));
	if (p->token.kind != CER_TOKEN_DOTS || !p->is_space)
		return CER_OK;
	CER_TRY(wrap(p, CER_AST_RANGE, value));
	CER_TRY(cer_parser_advance(p));
	CER_TRY(cer_parse_number(p, &most));
	cer_ast_append(*value, most);
	CER_TRY(cer_parser_skip_word(p, "LOG", &(*value)->flag));
	CER_TRY(parse_step_of_range(p, *value));
	return cer_parse_condition(p, value);
}

static bool
is_bare_word(const cer_ast *value)
{
	return value->kind == CER_AST_CALL && value->first == NULL;
}

/* name = value; an optional one is ?name = value */
cer_status
cer_parse_argument(cer_parser *p, cer_ast **argument)
{
	const char *expected =
		p->depth > 0 ? "an argument" : "an optimizer or a setting";
	cer_ast *name;
	cer_ast *value;

	CER_TRY(cer_parse_value(p, expected, argument));
	if (p->token.kind != '=')
		return CER_OK;
	name = *argument;
	if (name->kind == CER_AST_OPTIONAL)
		name = name->first;
	if (!is_bare_word(name) || p->before == ')')
		return cer_parser_fail(p, "\",\", as only a word stands before \"=\"");
	CER_TRY(cer_parser_advance(p));
	name->kind = CER_AST_NAMED;
	CER_TRY(cer_parse_value(p, "a value", &value));
	cer_ast_append(name, value);
	return name == *argument ? CER_OK : cer_parse_condition(p, argument);
}

static cer_status
parse_call(cer_parser *p, cer_ast **call)
{
	bool is_quoted = p->token.kind == CER_TOKEN_QUOTED;

	CER_TRY(cer_parser_make(p, CER_AST_CALL, call));
	(*call)->name = p->token.name;
	CER_TRY(cer_parser_advance(p));
	if (p->token.kind != '(' || is_quoted)
		return CER_OK;
	CER_TRY(cer_parser_open(p, "\"(\""));
	if (p->token.kind != ')')
		CER_TRY(cer_parse_list(p, cer_parse_argument, *call));
	return cer_parser_close(p);
}

static cer_status
parse_optional_operand(cer_parser *p, cer_ast **operand)
{
	return cer_parse_operand(p, "a value", operand);
}

static cer_status
parse_many(cer_parser *p, cer_ast **many)
{
	if (p->token.kind == '{')
		CER_TRY(cer_parse_choice(p, cer_parse_argument, many));
	else
		CER_TRY(cer_parse_optional(p, parse_optional_operand, many));
	return cer_parse_condition(p, many);
}

cer_status
cer_parse_operand(cer_parser *p, const char *expected, cer_ast **operand)
{
	if (is_number(p))
		return parse_numbers(p, operand);
	if (p->token.kind == CER_TOKEN_NAME && !cer_parser_is_reserved(p))
		return parse_call(p, operand);
	if (p->token.kind == CER_TOKEN_QUOTED && p->depth > 0)
		return parse_call(p, operand);
	if (p->is_space && (p->token.kind == '{' || p->token.kind == '?'))
		return parse_many(p, operand);
	return cer_parser_fail(p, expected);
}

typedef cer_status (*operand_fn)(cer_parser *p, const char *expected,
                                 cer_ast **operand);

/* operand {(one | other) operand}, from the left */
static cer_status
parse_arithmetic(cer_parser *p, operand_fn operand, const char *marks,
                 const char *expected, cer_ast **value)
{
	cer_ast *second;

	CER_TRY(operand(p, expected, value));
	while (p->token.kind == marks[0] || p->token.kind == marks[1])
	{
		CER_TRY(wrap(p, CER_AST_ARITHMETIC, value));
		(*value)->name =
			(cer_text){p->token.kind == marks[0] ? marks : marks + 1, 1};
		CER_TRY(cer_parser_advance(p));
		CER_TRY(operand(p, "a number", &second));
		cer_ast_append(*value, second);
	}
	return CER_OK;
}

static cer_status
parse_product(cer_parser *p, const char *expected, cer_ast **product)
{
	return parse_arithmetic(p, cer_parse_operand, "*/", expected, product);
}

static cer_status
parse_sum(cer_parser *p, const char *expected, cer_ast **sum)
{
	if (!p->is_definition)
		return cer_parse_operand(p, expected, sum);
	return parse_arithmetic(p, parse_product, "+-", expected, sum);
}

static bool
has_optional(const cer_ast *ast)
{
	bool has = ast->kind == CER_AST_OPTIONAL;

	for (const cer_ast *child = ast->first; child && !has; child = child->next)
		has = has_optional(child);
	return has;
}

/* operand, or so many of it */
static cer_status
parse_term(cer_parser *p, const char *expected, cer_ast **term)
{
	bool is_free = false;
	cer_ast *count;

	CER_TRY(parse_sum(p, expected, term));
	if (p->is_space)
		is_free = cer_parser_is_word(p, "XX");
	if (!is_free && !cer_parser_is_word(p, "X"))
		return CER_OK;
	CER_TRY(cer_parser_advance(p));
	CER_TRY(parse_sum(p, "a number of layers", &count));
	if (has_optional(count))
		return cer_fail_at(
			p->err, CER_SYNTAX, count->place,
			"how often something is repeated cannot be left out");
	CER_TRY(wrap(p, is_free ? CER_AST_FREE_TIMES : CER_AST_TIMES, term));
	cer_ast_append(*term, count);
	return CER_OK;
}

cer_status
cer_parse_value(cer_parser *p, const char *expected, cer_ast **value)
{
	cer_ast *next;

	CER_TRY(parse_term(p, expected, value));
	if (p->token.kind != '>')
		return CER_OK;
	CER_TRY(wrap(p, CER_AST_CHAIN, value));
	while (p->token.kind == '>')
	{
		CER_TRY(cer_parser_advance(p));
		CER_TRY(parse_term(p, "a layer", &next));
		cer_ast_append(*value, next);
	}
	return CER_OK;
}
