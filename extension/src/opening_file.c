/*
 * opening_file.c
 *	  Openings of test rows whose transaction is gone, until they are rows.
 *
 * One file per rollback, pg_stat_tmp/cerebro_opening.<database>.<process>.<n>:
 * a magic number and the openings.  It has its name only once it is whole.
 */
#include "opening_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"

#define FILE_MAGIC  0x43455402 /* the last byte is a version */
#define FILE_PREFIX "cerebro_opening."
#define NEW_ENDING  ".new"

/* --------------------------------------------------------------- writing */

bool
opening_file_start(OpeningFile *file)
{
	static uint32 serial = 0;
	uint32 magic = FILE_MAGIC;
	char path[MAXPGPATH];

	snprintf(file->path, sizeof(file->path),
	         PG_STAT_TMP_DIR "/" FILE_PREFIX "%u.%d." INT64_FORMAT ".%u",
	         MyDatabaseId, MyProcPid, (int64) MyStartTimestamp, ++serial);
	snprintf(path, sizeof(path), "%s" NEW_ENDING, file->path);
	file->n_openings = 0;
	file->fd = BasicOpenFile(path, O_RDWR | O_CREAT | O_TRUNC | PG_BINARY);
	return file->fd >= 0 &&
	       pg_pwrite(file->fd, &magic, sizeof(magic), 0) == sizeof(magic);
}

static off_t
get_place(int n_openings)
{
	return (off_t) sizeof(uint32) + n_openings * (off_t) sizeof(Opening);
}

bool
opening_file_add(OpeningFile *file, const Opening *opening)
{
	return file->fd >= 0 &&
	       pg_pwrite(file->fd, opening, sizeof(*opening),
	                 get_place(file->n_openings++)) == sizeof(*opening);
}

bool
opening_file_close(OpeningFile *file)
{
	char path[MAXPGPATH];

	if (file->fd < 0)
		return false;
	snprintf(path, sizeof(path), "%s" NEW_ENDING, file->path);
	return close(file->fd) == 0 && rename(path, file->path) == 0;
}

/* --------------------------------------------------------------- reading */

List *
opening_file_list(void)
{
	List *paths = NIL;
	char *prefix = psprintf(FILE_PREFIX "%u.", MyDatabaseId);
	DIR *dir = AllocateDir(PG_STAT_TMP_DIR);
	struct dirent *entry;

	while ((entry = ReadDirExtended(dir, PG_STAT_TMP_DIR, LOG)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    strstr(entry->d_name, NEW_ENDING) == NULL)
			paths =
				lappend(paths, psprintf(PG_STAT_TMP_DIR "/%s", entry->d_name));
	FreeDir(dir);
	return paths;
}

int
opening_file_read(const char *path, Opening **openings)
{
	int fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	uint32 magic = 0;
	struct stat status;
	int n = 0;

	*openings = NULL;
	if (fd < 0)
		return 0; /* another process was faster */
	if (fstat(fd, &status) == 0 &&
	    pg_pread(fd, &magic, sizeof(magic), 0) == sizeof(magic) &&
	    magic == FILE_MAGIC)
	{
		size_t size = (size_t) (status.st_size - get_place(0));

		*openings = palloc_extended(size + 1, MCXT_ALLOC_HUGE);
		if (pg_pread(fd, *openings, size, get_place(0)) == (ssize_t) size)
			n = (int) (size / sizeof(Opening));
	}
	CloseTransientFile(fd);
	return n;
}
