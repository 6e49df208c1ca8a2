/*
 * train.h
 *	  Training one triple: rows -> engine -> archive.
 */
#ifndef CEREBRO_TRAIN_H
#define CEREBRO_TRAIN_H

#include "attempt.h"
#include "content.h"
#include "engine.h"
#include "job_sql.h"
#include "story.h"
#include "structure.h"

extern int train_threads;      /* cerebro.threads */
extern int train_memory_limit; /* cerebro.engine_memory, MB */
extern int train_disk_limit;   /* cerebro.engine_disk, MB */

/* Threads that an engine has, which counts cores where the setting says 0. */
extern int train_count_threads(void);

/* The state after an epoch, as it came back. */
typedef struct TrainedState
{
	uint32 epoch;
	uint32 n_parts;
	TrainedPart *parts;
} TrainedState;

typedef struct ParentModel ParentModel; /* train_change.c */

/* What a training is expected to do, and to cost. */
typedef struct TrainPlan
{
	int64 n_rows; /* training and validation; -1: not known */
	int n_columns;
	Datum *columns; /* text */
	int n_kept;
	Datum *kept;   /* columns that are not read */
	bool is_known; /* what columns hold, so what there is of the training */
	int32 model;   /* that is there; 0: none */
	int32 n_epochs;
	int32 n_found; /* epochs whose state is there */
	int32 like;    /* the model that figures are of; 0: none */
	double read_seconds;
	double train_seconds;
	int64 bytes;
	const char *start; /* of a change: what it begins with; NULL: no change */
} TrainPlan;

struct Training;

/* Trainings over the same rows, in one engine; a training alone is a group of
 * itself.  The leader reads and sends the rows. */
typedef struct TrainGroup
{
	int n;
	struct Training **members; /* by triple of the engine's group */
	bool is_together;          /* of train(task, mst[]) or search() */
	bool is_over;              /* the engine has nothing left to do */
} TrainGroup;

/* All of it lives in its own context, across transactions. */
typedef struct Training
{
	MemoryContext context;
	TrainGroup *group;
	int triple; /* which one of the group */
	Attempt *attempt;
	Task *task;
	const cer_mst *mst;              /* bound: no names of people's own */
	const char *text;                /* of that */
	const StructureList *structures; /* that it is made with; NULL: none */
	bool may_find;                   /* another's model will do as the result */
	bool is_explained;               /* nothing is read, nothing is written */
	TrainPlan expected;

	/* rows */
	Engine *engine;
	const cer_plan *plan;
	const struct Features *features; /* what is read, */
	Query *analysed;                 /* by which query, */
	ReadPlan *read;                  /* and which of its columns */
	struct Extract *extract; /* while rows are read; NULL: nothing is kept */
	cer_content *content;    /* NULL: it is known already */
	ReadStats stats;
	int64 n_sent;
	int32 data_version;
	const char *query; /* what FE reads; NULL: the task's own columns */

	/* what is there already */
	Story *story;
	int32 found;         /* the model that this training would make; 0: none */
	uint32 n_found;      /* epochs that are not trained */
	ParentModel *parent; /* that it begins with; NULL: none */

	/* what came back */
	TimestampTz began_at; /* of the first epoch */
	List *epochs;         /* of cer_epoch */
	cer_epoch best;
	uint32 n_parts;
	TrainedPart *parts;
	List *states;       /* of TrainedState */
	uint32 n_committed; /* epochs that are in cerebro.job_epoch */
	cer_triple_done done;
	char *kernel_class;
	bool is_done;
	cer_error *failure; /* of a member of a group; NULL: none */
} Training;

/*
 * Checks the task as the current role.  triple is the attempt's as its author
 * wrote it: places in errors are places in it.
 */
extern Training *training_new(Attempt *attempt, const char *triple);
extern void training_free(Training *training);

/* In a transaction with an active snapshot: everything that reads rows.  False:
 * there is nothing to run, as the model was found. */
extern bool training_read(Training *training);
/* The two steps of that, for members of a group: what is there, and what would
 * be read; then the rows, read by the leader for all. */
extern void training_plan(Training *training);
extern void train_read_group(TrainGroup *group);
/* Gives back what planning holds of the transaction. */
extern void training_end_plan(Training *training);
extern void training_set_phase(Training *training, AttemptPhase phase);
/* Of the engine, to the member that it concerns; self: the group. */
extern void train_handle_message(void *self, const cer_message *message);
/* Needs no transaction; waits for some messages. */
extern void training_wait(Training *training);
/* Until all is done. */
extern void training_run(Training *training);
/* In a transaction: model, parts, epochs and the job's row. */
extern void training_archive(Training *training);
extern void
train_fail_dropped(const Training *training) pg_attribute_noreturn();
/* In place of both: the job's row says that the model was found, and a NOTICE. */
extern void training_record_found(Training *training);
/* An epoch's parameters: number, losses, metrics, time, state. */
extern void train_add_epoch(SqlArgs *args, const Training *training,
                            const cer_epoch *epoch);

/* ----------------------------------------------- figures: train_plan.c */

/* Once it is known what there is: fills in what is expected. */
extern void training_estimate(Training *training, const ReadPlan *plan);
/* In an archive scope: what was expected, and what came. */
extern void training_write_plan(const Training *training);

/* ------------------------------------------------- states: train_state.c */

/* Epochs of a story that training would go on from: list of cer_epoch. */
extern List *training_find_epochs(const Training *training);

extern void train_state_init(void);
extern uint32 train_get_keep_every(void);
/* Whether rows of joined tables are computed once for a batch. */
extern bool train_plans_dimensions(void);
/* Whether a changed model begins with its parent's weights. */
extern bool train_plans_warm(void);
/* Whether triples that read the same train together. */
extern bool train_plans_groups(void);
extern void
training_find_unread(Training *training, const Query *query, ReadPlan *plan);
/* Of the rows, then of each input. */
extern void training_note_contents(Training *training, const ReadPlan *plan,
                                   cer_content_hash *contents);
extern bool training_find_read_model(Training *training, const ReadPlan *plan);
extern bool training_find_read(Training *training, const ReadPlan *plan);
extern void
training_handle_state(Training *training, const cer_group_state *message);
extern void training_write_story(Training *training);
/* In an archive scope: false where the state was kept already. */
extern bool train_write_state(const cer_id *id, const TrainedState *state);
extern bool train_is_whole(const TrainedPart *parts, uint32 n_parts);
/* Lets go of those until an epoch that the archive does not keep. */
extern void training_forget_states(Training *training, uint32 epoch);
/* The epoch whose state the archive keeps as the last; 0: none. */
extern uint32 train_get_last_kept(const Training *training);

/* ------------------- epochs committed before the model: job_epoch.c */

extern void job_epoch_init(void);
extern void job_epoch_ask(const Training *training, cer_group_triple *triple);
extern void job_epoch_commit(Training *training);
extern void job_epoch_hand_over(const Training *training);
/* Puts a piece from the engine to its part, or raises. */
extern void train_take_piece(TrainedPart **parts, uint32 *n_parts,
                             const cer_group_part *piece);

extern void train_send_start(Training *training, uint32 epoch, List *parts);

/* ---------------------------------- changes of a model: train_change.c */

extern void training_find_parent(Training *training);
/* How the training is told: whether it goes on or begins with the parent. */
extern Story *training_tell(Training *training, const StorySource *source);
extern void training_send_parent(Training *training);
extern void training_handle_begun(Training *training, const cer_start *begun);
extern void training_write_parent(const Training *training);
/* As the current role, once its scores are archived. */
extern void training_write_effect(const Training *training);
/* What a change is expected to begin with, and what it began with; NULL: it is
 * none. */
extern const char *training_expect_start(const Training *training);
extern const char *training_describe_start(const Training *training);

/* -------------------------------------------------------------- train.c */

typedef struct TrainRequest
{
	const Task *task;
	const char *triple;
	int32 parent; /* 0: none */
	bool is_warm; /* begins with its weights */
} TrainRequest;

/* Trains here, or queues; returns the model's id. */
extern int32 train_request(const TrainRequest *request, bool wait);

/* ---------------------------------------- several together: train_group.c */

typedef struct TrainResult
{
	int32 model;       /* 0: none */
	bool is_over_time; /* it did not begin, or had no epoch */
} TrainResult;

/* None begins after the deadline (0: there is none). */
typedef struct TrainLimit
{
	TimestampTz deadline;
	bool ends_running; /* one that began ends with the epochs it has by then */
} TrainLimit;

/*
 * Trains triples of one task together, as far as they read the same; what fails
 * costs a WARNING.
 */
extern void train_together(const TrainRequest *requests, int n,
                           TrainLimit limit, TrainResult *results);
/* The job is queued again, with this session's settings if it had none. */
extern void train_requeue(int64 job, int32 model);
/* Raises where nothing can be written. */
extern void train_check_may_write(const char *function);
/* The functions that train are not strict: NULL would pass for a training that
 * is done.  Names of all arguments; the first ones have no default. */
extern void
train_check_given(FunctionCallInfo fcinfo, const char *function,
                  const char *const *arguments, int n_without_default);

/* Raises what a background worker would raise before it reads a row. */
extern void train_check_queued(const Task *task, const char *triple);
/* The triple in its canonical form, palloc'ed; raises where it is none. */
extern char *train_canonical(const char *triple);
/* The model's triple with the change that is argument 1, as text. */
extern char *train_apply_change(const Model *model, FunctionCallInfo fcinfo);
/* The metric that a task is judged by. */
extern double train_get_metric(const Task *task, const cer_metrics *metrics);

#endif
