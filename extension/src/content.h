/*
 * content.h
 *	  Bytes of the archive under their SHA-256, and parts made of them.
 */
#ifndef CEREBRO_CONTENT_H
#define CEREBRO_CONTENT_H

#include "cerebro_pg.h"

/* A part as it comes back from the engine; name and data are palloc'ed. */
typedef struct TrainedPart
{
	char *name;
	cer_part_kind kind;
	uint32 n_dims;
	uint64 dims[CER_MAX_DIMS];
	Size size;
	Size n_received;
	char *data;
} TrainedPart;

/* How bytes are kept. */
typedef enum ContentPacking
{
	PACKING_WHOLE,
	PACKING_PLANES,
	PACKING_CHANGE
} ContentPacking;

/* Bytes are kept in chunks of so many, but for the last one. */
#define CONTENT_CHUNK ((Size) 1024 * 1024)

/* packing, as a row has it: whether bytes stand as they are. */
extern bool content_is_whole(Datum packing);
/* Id of the bytes of a model's tensor; an error where there is none. */
extern Datum content_find_tensor(int32 model, const char *name);

extern bool content_hash(const void *data, Size size, uint8 *digest);

/*
 * Keeps the part's bytes and adds its row to model_part (owner is the model's
 * id) or state_part (the state's id); in an archive scope.
 */
typedef struct PartTable
{
	const char *insert; /* SQL: $1 owner, then ordinal, name, kind, ... */
	Oid owner_type;
	Datum owner;
	ContentPacking packing; /* of floats that are not there yet */
} PartTable;

extern PartTable content_model_parts(int32 model);
extern PartTable content_state_parts(const cer_id *state);
extern void content_write_part(const PartTable *table, int32 ordinal,
                               const TrainedPart *part);

/* In an archive scope: keeps bytes that are there in another way from now on;
 * base: id of the content that a change is against.  Returns their size. */
extern int64 content_repack(Datum id, ContentPacking packing, Datum base);
/* What they would take packed that way, from a sample where they are many. */
extern int64 content_estimate(Datum id, ContentPacking packing, Datum base);
/* Unpacked; palloc'ed, NULL where there is none. */
extern char *content_read(Datum id, Size *size);

/* In an archive scope: drops what is kept of a state; see model_drop.c. */
extern void state_drop(Datum state);

/* List of cer_part of a model or state, of the kinds whose bits are set. */
extern List *content_read_parts(ArchiveScan *parts, unsigned kinds);
/* The same, each offered by its ordinal before its bytes are read: who takes
 * it fills data and size, and they are not. */
typedef bool (*PartTaker)(void *self, int32 ordinal, cer_part *part);
extern List *content_read_parts_by(ArchiveScan *parts, unsigned kinds,
                                   PartTaker take, void *self);

#endif
