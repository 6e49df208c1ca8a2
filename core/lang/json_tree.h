/*
 * lang/json_tree.h
 *	  JSON as a tree.
 */
#ifndef CER_LANG_JSON_TREE_H
#define CER_LANG_JSON_TREE_H

#include "base/error.h"

typedef enum cer_json_kind
{
	CER_JSON_NULL,
	CER_JSON_BOOL,
	CER_JSON_NUMBER,
	CER_JSON_STRING,
	CER_JSON_ARRAY,
	CER_JSON_OBJECT
} cer_json_kind;

typedef struct cer_json
{
	cer_json_kind kind;
	cer_place place;
	cer_text key; /* in an object */
	cer_text text;
	double number; /* of BOOL: 0 or 1 */
	struct cer_json *first;
	struct cer_json *last;
	struct cer_json *next;
} cer_json;

extern cer_status cer_json_parse(cer_arena *arena, cer_text text,
                                 cer_json **json, cer_error *err);
/* NULL: the object has no such key. */
extern const cer_json *cer_json_find(const cer_json *object, const char *key);

#endif
