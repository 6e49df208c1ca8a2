/*
 * lang/distance_pt.c
 *	  How far apart two settings are, and how much each counts.
 */
#include "lang/distance.h"

#include "base/text.h"

double
cer_setting_weight(cer_text name)
{
	static const struct
	{
		const char *name;
		double weight;
	} weights[] = {
		{"lr", 1},          {"activation", 1}, {"dropout", 1},
		{"patience", 0.25}, {"seed", 0.125},
	};

	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		if (cer_text_is(name, weights[i].name))
			return weights[i].weight;
	return 0.5;
}

double
cer_value_distance(const cer_ast *x, const cer_ast *y)
{
	if (x == NULL || y == NULL)
		return x == y ? 0 : 1;
	if (x->kind == CER_AST_NUMBER && y->kind == CER_AST_NUMBER)
		return cer_number_distance(x->number, y->number);
	return cer_ast_equals(x, y) ? 0 : 1;
}
