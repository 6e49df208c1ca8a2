/*
 * ebnf.c
 *	  Grammars as trees: made from by chance, matched by sets of places.
 */
#include "ebnf.h"

#include "cmocka_all.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_NODES 800
#define MAX_RULES 64
#define MAX_DEPTH 60

typedef enum node_kind
{
	NODE_ALL,    /* children one after the other */
	NODE_ONE,    /* one of the children */
	NODE_MAYBE,  /* the child or nothing */
	NODE_REPEAT, /* the child any number of times */
	NODE_TEXT,
	NODE_RULE
} node_kind;

typedef struct node
{
	struct node *first;
	struct node *next;
	node_kind kind;
	ebnf_mode mode; /* PLAIN: everywhere */
	char text[24];  /* of TEXT and RULE */
} node;

typedef struct rule
{
	char name[24];
	node *body;
} rule;

struct ebnf
{
	node nodes[MAX_NODES];
	size_t n_nodes;
	rule rules[MAX_RULES];
	size_t n_rules;
	const char *at; /* while it is read */

	/* while it is matched */
	const ebnf_sentence *sentence;
	ebnf_mode mode;
	uint64_t ends[MAX_RULES][EBNF_MAX_PIECES + 1];
	bool are_known[MAX_RULES][EBNF_MAX_PIECES + 1];
};

/* ---------------------------------------------------------------- reading */

static node *
make_node(ebnf *g, node_kind kind)
{
	node *made = &g->nodes[g->n_nodes++];

	assert_true(g->n_nodes < MAX_NODES);
	made->kind = kind;
	return made;
}

/* Over blanks and comments; a comment may tell where what follows stands. */
static ebnf_mode
skip_blanks(ebnf *g)
{
	ebnf_mode mode = EBNF_PLAIN;

	for (;;)
	{
		while (isspace((unsigned char) *g->at))
			g->at++;
		if (strncmp(g->at, "(*", 2) != 0)
			return mode;
		if (strncmp(g->at, "(* in a space *)", 16) == 0)
			mode = EBNF_SPACE;
		else if (strncmp(g->at, "(* in a definition *)", 21) == 0)
			mode = EBNF_DEFINITION;
		else
			fail_msg("a comment in the grammar: %.30s", g->at);
		g->at = strstr(g->at, "*)") + 2;
	}
}

static void
read_text(ebnf *g, const char *end, char text[24])
{
	size_t size = (size_t) (end - g->at);

	assert_in_range(size, 1, 23);
	memcpy(text, g->at, size);
	text[size] = '\0';
	g->at = end;
}

static void
read_name(ebnf *g, char name[24])
{
	const char *end = g->at;

	while (isalpha((unsigned char) *end))
		end++;
	read_text(g, end, name);
}

static node *read_choice(ebnf *g);

static node *
read_bracket(ebnf *g, node_kind kind, char close)
{
	node *bracket = make_node(g, kind);

	g->at++;
	bracket->first = read_choice(g);
	if (*g->at != close)
		fail_msg("no %c in the grammar before: %.40s", close, g->at);
	g->at++;
	return bracket;
}

static node *
read_part(ebnf *g)
{
	node *part;

	switch (*g->at)
	{
		case '[':
			return read_bracket(g, NODE_MAYBE, ']');
		case '{':
			return read_bracket(g, NODE_REPEAT, '}');
		case '(':
			return read_bracket(g, NODE_ONE, ')');
		case '\'':
			part = make_node(g, NODE_TEXT);
			g->at++;
			read_text(g, strchr(g->at, '\''), part->text);
			g->at++;
			return part;
		default:
			part = make_node(g, NODE_RULE);
			read_name(g, part->text);
			return part;
	}
}

static node *
read_sequence(ebnf *g)
{
	node *all = make_node(g, NODE_ALL);
	node **last = &all->first;

	all->mode = skip_blanks(g);
	while (strchr("|])};", *g->at) == NULL)
	{
		*last = read_part(g);
		last = &(*last)->next;
		assert_int_equal(skip_blanks(g), EBNF_PLAIN);
	}
	return all;
}

static node *
read_choice(ebnf *g)
{
	node *one = make_node(g, NODE_ONE);
	node **last = &one->first;

	for (;;)
	{
		*last = read_sequence(g);
		last = &(*last)->next;
		if (*g->at != '|')
			return one;
		g->at++;
	}
}

static void
read_rule(ebnf *g)
{
	rule *made = &g->rules[g->n_rules++];

	assert_true(g->n_rules < MAX_RULES);
	read_name(g, made->name);
	(void) skip_blanks(g);
	assert_int_equal(*g->at, '=');
	g->at++;
	made->body = read_choice(g);
	assert_int_equal(*g->at, ';');
	g->at++;
	(void) skip_blanks(g);
}

/* What names, numbers and the like are made of is not read. */
ebnf *
ebnf_new(const char *page)
{
	ebnf *g = calloc(1, sizeof(ebnf));
	const char *end;

	assert_non_null(g);
	g->at = strstr(page, "```ebnf\n");
	assert_non_null(g->at);
	end = strstr(g->at, "\nname ");
	assert_non_null(end);
	g->at += strlen("```ebnf\n");
	while (g->at < end)
		read_rule(g);
	return g;
}

void
ebnf_free(ebnf *g)
{
	free(g);
}

static const rule *
find_rule(const ebnf *g, const char *name)
{
	for (size_t i = 0; i < g->n_rules; i++)
		if (strcmp(g->rules[i].name, name) == 0)
			return &g->rules[i];
	return NULL;
}

/* ----------------------------------------------------------------- making */

/* What the rules do not say; the least is one piece of each. */
static const struct
{
	const char *name;
	const char *pieces[6];
} lexemes[] = {
	{"name", {"dest", "price", "o", "\"Dep Time\"", "\"as\"", "planes"}},
	{"word", {"mlp", "lr", "adam", "gelu", "dense", "onehot"}},
	{"number", {"1", "64", "0.5", "1e-3", ".25", "3"}},
	{"index", {"1", "2", "3", "10", "1", "2"}},
	{"digits", {"1", "1", "1", "1", "1", "1"}},
	{"string", {"'90 days'", "'1 hour'", "'it''s'", "''", "'a,b'", "')'"}},
	{"sql", {"a + b", "count(*)", "f(a, 'x)')", "a", "(b)", "sum(x) * 2"}},
};

#define N_LEXEMES (sizeof(lexemes) / sizeof(lexemes[0]))

static bool
add_piece(ebnf_sentence *s, const char *piece)
{
	if (s->n == EBNF_MAX_PIECES)
		return false;
	s->pieces[s->n++] = piece;
	return true;
}

static bool
make_lexeme(const char *name, test_random *random, ebnf_sentence *s)
{
	for (size_t i = 0; i < N_LEXEMES; i++)
		if (strcmp(lexemes[i].name, name) == 0)
		{
			if (strcmp(name, "number") == 0 && random_below(random, 8) == 0 &&
			    !add_piece(s, "-"))
				return false;
			return add_piece(s, lexemes[i].pieces[random_below(random, 6)]);
		}
	fail_msg("no rule for %s", name);
	return false;
}

typedef struct maker
{
	const ebnf *grammar;
	ebnf_mode mode;
	test_random *random;
	ebnf_sentence *sentence;
	int depth;
} maker;

static bool
is_allowed(const node *n, ebnf_mode mode)
{
	return n->mode == EBNF_PLAIN || n->mode == mode;
}

static bool make(maker *m, const node *n);

static bool
make_one(maker *m, const node *n)
{
	const node *chosen = NULL;
	size_t count = 0;

	for (const node *child = n->first; child; child = child->next)
		if (is_allowed(child, m->mode) && random_below(m->random, ++count) == 0)
			chosen = child;
	return chosen != NULL && make(m, chosen);
}

static bool
make_all(maker *m, const node *n)
{
	for (const node *child = n->first; child; child = child->next)
		if (!make(m, child))
			return false;
	return true;
}

/* Where nothing within is allowed here, it is left out. */
static bool
has_allowed(const maker *m, const node *n)
{
	for (const node *child = n->first->first; child; child = child->next)
		if (is_allowed(child, m->mode))
			return true;
	return false;
}

static bool
make_rule(maker *m, const char *name)
{
	const rule *found = find_rule(m->grammar, name);

	return found ? make(m, found->body)
	             : make_lexeme(name, m->random, m->sentence);
}

static bool
make_within(maker *m, const node *n)
{
	switch (n->kind)
	{
		case NODE_ALL:
			return make_all(m, n);
		case NODE_ONE:
			return make_one(m, n);
		case NODE_MAYBE:
			return random_below(m->random, 2) == 0 || !has_allowed(m, n) ||
			       make(m, n->first);
		case NODE_REPEAT:
			while (random_below(m->random, 3) == 0)
				if (!make(m, n->first))
					return false;
			return true;
		case NODE_TEXT:
			return add_piece(m->sentence, n->text);
		default:
			return make_rule(m, n->text);
	}
}

static bool
make(maker *m, const node *n)
{
	bool is_made = m->depth < MAX_DEPTH;

	m->depth++;
	is_made = is_made && make_within(m, n);
	m->depth--;
	return is_made;
}

bool
ebnf_make(const ebnf *grammar, const char *name, ebnf_mode mode,
          test_random *random, ebnf_sentence *sentence)
{
	maker m = {.grammar = grammar,
	           .mode = mode,
	           .random = random,
	           .sentence = sentence};

	sentence->n = 0;
	return make_rule(&m, name);
}

/* --------------------------------------------------------------- matching */

/* Sets of places, one bit for each number of pieces before it. */
static uint64_t
bit(size_t place)
{
	return (uint64_t) 1 << place;
}

static bool
is_word(const char *piece)
{
	return isalpha((unsigned char) piece[0]) || piece[0] == '"';
}

static bool
is_numeral(const char *piece)
{
	return isdigit((unsigned char) piece[0]) ||
	       (piece[0] == '.' && isdigit((unsigned char) piece[1]));
}

static uint64_t
match_sql(const ebnf_sentence *s, size_t start)
{
	uint64_t ends = 0;
	int depth = 0;

	for (size_t i = start; i < s->n; i++)
	{
		depth += strcmp(s->pieces[i], "(") == 0;
		depth -= strcmp(s->pieces[i], ")") == 0;
		if (depth < 0)
			break;
		if (depth == 0)
			ends |= bit(i + 1);
	}
	return ends;
}

static uint64_t
match_lexeme(const ebnf_sentence *s, const char *name, size_t start)
{
	const char *piece = start < s->n ? s->pieces[start] : "";
	bool is_same;

	if (strcmp(name, "sql") == 0)
		return match_sql(s, start);
	if (strcmp(name, "number") == 0 && strcmp(piece, "-") == 0)
		return start + 1 < s->n && is_numeral(s->pieces[start + 1])
		           ? bit(start + 2)
		           : 0;
	if (strcmp(name, "name") == 0 || strcmp(name, "word") == 0)
		is_same = is_word(piece);
	else if (strcmp(name, "string") == 0)
		is_same = piece[0] == '\'';
	else
		is_same = is_numeral(piece);
	return is_same ? bit(start + 1) : 0;
}

static uint64_t match(ebnf *g, const node *n, size_t start);

static uint64_t
match_rule(ebnf *g, const char *name, size_t start)
{
	const rule *found = find_rule(g, name);
	size_t i = (size_t) (found - g->rules);

	if (found == NULL)
		return match_lexeme(g->sentence, name, start);
	if (!g->are_known[i][start])
	{
		g->ends[i][start] = match(g, found->body, start);
		g->are_known[i][start] = true;
	}
	return g->ends[i][start];
}

/* From each of the places. */
static uint64_t
match_from(ebnf *g, const node *n, uint64_t starts)
{
	uint64_t ends = 0;

	for (size_t start = 0; start <= g->sentence->n; start++)
		if (starts & bit(start))
			ends |= match(g, n, start);
	return ends;
}

static uint64_t
match_all(ebnf *g, const node *n, size_t start)
{
	uint64_t ends = bit(start);

	for (const node *child = n->first; child; child = child->next)
		ends = match_from(g, child, ends);
	return ends;
}

static uint64_t
match_repeat(ebnf *g, const node *n, size_t start)
{
	uint64_t ends = bit(start);
	uint64_t more = ends;

	while (more != 0)
	{
		more = match_from(g, n->first, more) & ~ends;
		ends |= more;
	}
	return ends;
}

static uint64_t
match_one(ebnf *g, const node *n, size_t start)
{
	uint64_t ends = 0;

	for (const node *child = n->first; child; child = child->next)
		if (is_allowed(child, g->mode))
			ends |= match(g, child, start);
	return ends;
}

static uint64_t
match(ebnf *g, const node *n, size_t start)
{
	switch (n->kind)
	{
		case NODE_ALL:
			return match_all(g, n, start);
		case NODE_ONE:
			return match_one(g, n, start);
		case NODE_MAYBE:
			return bit(start) | match(g, n->first, start);
		case NODE_REPEAT:
			return match_repeat(g, n, start);
		case NODE_TEXT:
			return start < g->sentence->n &&
			               strcasecmp(g->sentence->pieces[start], n->text) == 0
			           ? bit(start + 1)
			           : 0;
		default:
			return match_rule(g, n->text, start);
	}
}

bool
ebnf_has(ebnf *g, const char *name, ebnf_mode mode,
         const ebnf_sentence *sentence)
{
	g->sentence = sentence;
	g->mode = mode;
	memset(g->are_known, 0, sizeof(g->are_known));
	return (match_rule(g, name, 0) & bit(sentence->n)) != 0;
}
