/*
 * attempt_file.c
 *	  The files that tell how far attempts to train are.
 *
 * One file per attempt, pg_stat_tmp/cerebro.<database>.<job>, written in place
 * by the process that trains.  A reader takes a record only when both serials
 * in it agree.
 */
#include "cerebro_pg.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/backend_status.h"

#include "attempt_file.h"

#define FILE_MAGIC  0x43455201 /* the last byte is a version */
#define MAX_TRIPLE  ((uint32) 1 << 20)
#define READ_TRIES  5
#define FILE_PREFIX "cerebro."

static void
make_path(char *path, Oid database, int64 job)
{
	snprintf(path, MAXPGPATH,
	         PG_STAT_TMP_DIR "/" FILE_PREFIX "%u." INT64_FORMAT, database, job);
}

/* --------------------------------------------------------------- writing */

/* Progress is not worth failing for: a full disk is told once. */
static void
complain(const char *path)
{
	static bool is_told = false;

	if (!is_told)
		ereport(LOG,
		        (errcode_for_file_access(),
		         errmsg("could not write progress file \"%s\": %m", path)));
	is_told = true;
}

void
attempt_file_write(const AttemptRecord *record, const char *triple)
{
	char path[MAXPGPATH];
	int fd;

	make_path(path, record->database, record->job);
	fd = BasicOpenFile(path, O_RDWR | O_CREAT | PG_BINARY);
	if (fd < 0)
	{
		complain(path);
		return;
	}
	if (pg_pwrite(fd, triple, record->triple_size, sizeof(*record)) < 0 ||
	    pg_pwrite(fd, record, sizeof(*record), 0) < 0)
		complain(path);
	close(fd);
}

void
attempt_forget(Oid database, int64 job)
{
	char path[MAXPGPATH];

	make_path(path, database, job);
	if (unlink(path) != 0 && errno != ENOENT)
		complain(path);
}

void
attempt_record_stamp(AttemptRecord *record)
{
	record->magic = FILE_MAGIC;
	record->serial++;
	record->serial_again = record->serial;
}

/* --------------------------------------------------------------- reading */

static bool
is_sound(const AttemptRecord *record)
{
	return record->magic == FILE_MAGIC &&
	       record->serial == record->serial_again &&
	       record->triple_size <= MAX_TRIPLE && record->status >= JOB_QUEUED &&
	       record->status <= JOB_CANCELLED && record->phase < N_PHASES &&
	       memchr(record->reason, 0, sizeof(record->reason)) != NULL &&
	       memchr(record->task_name, 0, sizeof(record->task_name)) != NULL;
}

/* A whole record, or false: it was being written, or is none. */
static bool
read_once(int fd, AttemptFile *file)
{
	AttemptRecord *record = &file->record;

	if (pg_pread(fd, record, sizeof(*record), 0) != sizeof(*record) ||
	    !is_sound(record))
		return false;
	file->triple = palloc0(record->triple_size + 1);
	return pg_pread(fd, file->triple, record->triple_size, sizeof(*record)) ==
	       record->triple_size;
}

static bool
read_file(const char *path, AttemptFile *file)
{
	bool is_read = false;
	int fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);

	if (fd < 0)
		return false; /* just unlinked */
	for (int i = 0; i < READ_TRIES && !is_read; i++)
	{
		if (i > 0)
			pg_usleep(1000);
		is_read = read_once(fd, file);
	}
	CloseTransientFile(fd);
	return is_read;
}

/* A process id may be used again: the time of its start tells. */
static bool
is_alive(const AttemptRecord *record)
{
	int n = pgstat_fetch_stat_numbackends();

	for (int i = 1; i <= n; i++)
	{
		LocalPgBackendStatus *local = compat_get_backend_status(i);

		if (local != NULL && local->backendStatus.st_procpid == record->pid &&
		    local->backendStatus.st_proc_start_timestamp ==
		        record->process_started_at)
			return true;
	}
	return false;
}

static bool
look_at(const char *path, AttemptFile *file)
{
	if (!read_file(path, file))
		return false;
	file->is_alive = is_alive(&file->record);
	return true;
}

List *
attempt_list(void)
{
	List *files = NIL;
	char *prefix = psprintf(FILE_PREFIX "%u.", MyDatabaseId);
	DIR *dir = AllocateDir(PG_STAT_TMP_DIR);
	struct dirent *entry;

	pgstat_clear_backend_activity_snapshot();
	while ((entry = ReadDirExtended(dir, PG_STAT_TMP_DIR, LOG)) != NULL)
	{
		AttemptFile *file;
		char path[MAXPGPATH];

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		file = palloc0(sizeof(AttemptFile));
		snprintf(path, sizeof(path), PG_STAT_TMP_DIR "/%s", entry->d_name);
		if (look_at(path, file) && file->record.database == MyDatabaseId)
			files = lappend(files, file);
	}
	FreeDir(dir);
	return files;
}

bool
attempt_find(int64 job, AttemptFile *file)
{
	char path[MAXPGPATH];

	pgstat_clear_backend_activity_snapshot();
	make_path(path, MyDatabaseId, job);
	return look_at(path, file);
}

static const char *
describe_interruption(const AttemptRecord *record)
{
	if (record->status == JOB_DONE || record->status == JOB_STOPPED)
		return "interrupted before its transaction committed: the server or "
			   "its session went away";
	if (record->epoch > 0)
		return psprintf("interrupted at epoch %d of %d: the server or its "
		                "session went away",
		                record->epoch, record->n_epochs);
	return psprintf("interrupted at phase \"%s\": the server or its session "
	                "went away",
	                attempt_phase_name(record->phase));
}

/* What is done waits for its transaction as long as the process lives. */
bool
attempt_is_over(AttemptFile *file)
{
	AttemptRecord *record = &file->record;

	if (record->status == JOB_FAILED || record->status == JOB_CANCELLED)
		return true;
	if (file->is_alive)
		return false;
	strlcpy(record->reason, describe_interruption(record),
	        sizeof(record->reason));
	record->status = JOB_FAILED;
	record->ended_at = record->updated_at;
	return true;
}
