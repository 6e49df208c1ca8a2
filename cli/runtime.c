/*
 * runtime.c
 *	  A built tree's staged extension files, copied to where the server's user
 *	  can read them: the clone may lie in a folder that only its owner enters.
 *
 * The copy is named by a hash of the files, so a rebuilt tree gets a new one
 * and the running server keeps the files that it started with.
 */
#include "cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define LIBRARY "cerebro.so"

typedef struct staged_file
{
	char *path; /* below the stage */
	int fd;
	mode_t mode;
} staged_file;

typedef struct staged_files
{
	staged_file *items;
	size_t n_items;
	const private_cluster *cluster;
} staged_files;

static void
release_files(staged_files *files)
{
	for (size_t i = 0; i < files->n_items; i++)
	{
		free(files->items[i].path);
		close(files->items[i].fd);
	}
	free(files->items);
	files->items = NULL;
	files->n_items = 0;
}

static int
compare_entries(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool
add_file(staged_files *files, const FTSENT *entry, size_t root_size)
{
	int fd = open(entry->fts_accpath, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	files->items =
		memory_resize(files->items, files->n_items + 1, sizeof *files->items);
	files->items[files->n_items++] =
		(staged_file){.path = strdup(entry->fts_path + root_size + 1),
	                  .fd = fd,
	                  .mode = entry->fts_statp->st_mode & 0755};
	return true;
}

/* Opens all files below the stage, in an order that names decide. */
static bool
open_stage(const private_cluster *cluster, staged_files *files)
{
	char *roots[] = {(char *) cluster->stage, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_entries);
	FTSENT *entry;
	bool is_good = tree != NULL;

	files->cluster = cluster;
	while (is_good && (entry = fts_read(tree)) != NULL)
		if (entry->fts_info == FTS_F)
			is_good = add_file(files, entry, strlen(cluster->stage));
	if (tree != NULL)
		fts_close(tree);
	if (!is_good)
		message_error("could not read the built files in \"%s\": %m",
		              cluster->stage);
	return is_good;
}

static bool
hash_file(XXH3_state_t *state, const staged_file *file)
{
	struct stat info;
	void *bytes;

	XXH3_64bits_update(state, file->path, strlen(file->path) + 1);
	if (fstat(file->fd, &info) != 0)
		return false;
	if (info.st_size == 0)
		return true;
	bytes =
		mmap(NULL, (size_t) info.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	XXH3_64bits_update(state, bytes, (size_t) info.st_size);
	munmap(bytes, (size_t) info.st_size);
	return true;
}

static bool
is_script(const staged_file *file)
{
	size_t size = strlen(file->path);

	return size > 4 && strcmp(file->path + size - 4, ".sql") == 0;
}

static const char *
print_hash(XXH3_state_t *state)
{
	return keep_printf("%016llx",
	                   (unsigned long long) XXH3_64bits_digest(state));
}

static bool
name_runtime(private_cluster *cluster, const staged_files *files)
{
	XXH3_state_t all;
	XXH3_state_t scripts;

	XXH3_64bits_reset(&all);
	XXH3_64bits_reset(&scripts);
	for (size_t i = 0; i < files->n_items; i++)
		if (!hash_file(&all, &files->items[i]) ||
		    (is_script(&files->items[i]) &&
		     !hash_file(&scripts, &files->items[i])))
			return false;
	cluster->script = print_hash(&scripts);
	cluster->runtime = keep_printf("%s/runtime/%s-%s", cluster->home,
	                               CER_VERSION, print_hash(&all));
	return true;
}

/* build/stage beside build/cerebro; not there: the program is installed. */
static const char *
find_stage(void)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
	char *slash;
	const char *stage;

	if (size <= 0)
		return NULL;
	path[size] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	stage = keep_printf("%s/stage", path);
	return access(stage, F_OK) == 0 ? stage : NULL;
}

exit_code
runtime_find(private_cluster *cluster)
{
	staged_files files = {0};
	bool is_good;

	cluster->script = "";
	cluster->stage = find_stage();
	if (cluster->stage == NULL)
		return EXIT_OK;
	is_good = open_stage(cluster, &files) && name_runtime(cluster, &files);
	release_files(&files);
	return is_good ? EXIT_OK : EXIT_FAILED;
}

/* Makes the folders above a file. */
static bool
make_parents(char *path, size_t from)
{
	for (char *c = path + from; *c != '\0'; c++)
	{
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return false;
		*c = '/';
	}
	return true;
}

static bool
copy_file(const staged_file *file, const char *target)
{
	int out =
		open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file->mode);
	off_t offset = 0;
	char block[65536];
	ssize_t size = 0;

	if (out < 0)
		return false;
	while ((size = pread(file->fd, block, sizeof block, offset)) > 0)
	{
		if (write(out, block, (size_t) size) != size)
			size = -1;
		if (size < 0)
			break;
		offset += size;
	}
	return close(out) == 0 && size == 0;
}

/* As the cluster's user: descriptors were opened before. */
static int
write_copy(void *arg)
{
	const staged_files *files = arg;
	const char *runtime = files->cluster->runtime;
	const char *draft = keep_printf("%s.%ld", runtime, (long) getpid());

	for (size_t i = 0; i < files->n_items; i++)
	{
		char *target = keep_printf("%s/%s", draft, files->items[i].path);

		if (!make_parents(target, strlen(files->cluster->home) + 1) ||
		    !copy_file(&files->items[i], target))
			return errno == ENOSPC ? ENOSPC : EIO;
	}
	return rename(draft, runtime) == 0 || errno == ENOTEMPTY ? 0 : errno;
}

exit_code
runtime_make(private_cluster *cluster)
{
	staged_files files = {0};
	int code;

	if (cluster->runtime == NULL || access(cluster->runtime, F_OK) == 0)
		return EXIT_OK;
	if (!open_stage(cluster, &files))
		return EXIT_FAILED;
	code = process_call(cluster, write_copy, &files);
	release_files(&files);
	if (code == 0)
		return EXIT_OK;
	message_error("could not copy the extension to \"%s\": %s",
	              cluster->runtime, strerror(code > 0 ? code : EIO));
	if (code == ENOSPC)
		message_hint("The disk is full: make room, or choose another folder "
		             "with --home.");
	return EXIT_FAILED;
}

static int
remove_others(void *arg)
{
	const private_cluster *cluster = arg;
	char *roots[] = {keep_printf("%s/runtime", cluster->home), NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;

	while (tree != NULL && (entry = fts_read(tree)) != NULL)
	{
		if (entry->fts_level == 0)
			continue;
		if (strncmp(entry->fts_path, cluster->runtime,
		            strlen(cluster->runtime)) == 0)
			fts_set(tree, entry, FTS_SKIP);
		else if (entry->fts_info == FTS_DP)
			rmdir(entry->fts_accpath);
		else if (entry->fts_info != FTS_D)
			unlink(entry->fts_accpath);
	}
	if (tree != NULL)
		fts_close(tree);
	return 0;
}

/* Only while no server runs: it may still load from its own copy. */
void
runtime_remove_others(const private_cluster *cluster)
{
	if (cluster->runtime != NULL)
		process_call(cluster, remove_others, (void *) cluster);
}

const char *
runtime_get_library_dir(const private_cluster *cluster)
{
	char *roots[] = {(char *) cluster->stage, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	const char *dir = NULL;

	while (dir == NULL && tree != NULL && (entry = fts_read(tree)) != NULL)
		if (entry->fts_info == FTS_F && strcmp(entry->fts_name, LIBRARY) == 0)
			dir = keep_printf("%s%.*s", cluster->runtime,
			                  (int) (strlen(entry->fts_path) -
			                         strlen(cluster->stage) - strlen(LIBRARY) -
			                         1),
			                  entry->fts_path + strlen(cluster->stage));
	if (tree != NULL)
		fts_close(tree);
	return dir;
}
