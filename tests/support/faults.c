/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A library to be preloaded: calls of the C library that fail when they are told to.
 *
 * FAULTS     KIND:N:ERROR fails the Nth call (from 1) of a kind, KIND:N+:ERROR all from that one
 * on. Kinds: see kind_names. ERROR is ENOSPC, EIO, EINTR, ... or "short": half is done. FAULTS_LOG
 * a file that gets "KIND CALLS" of each kind when the process ends, and "fired NUMBER".
 *
 * Pipes are left alone: threads wake each other through them, which cannot fail.
 * What stdio does inside the C library is not seen here; /dev/full and closed pipes do that.
 * Naps of a tenth of a second are not taken: DPDK measures the clock with them when live capture
 * starts.
 */
/* Both names of a call are wanted, open() and open64(). */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
	ALLOC,
	MAP,
	WRITE,
	READ,
	OPEN,
	CLOSE,
	SYNC,
	RENAME,
	TRUNCATE,
	THREAD,
	PIN,
	NB_KINDS,
};

static const char *const kind_names[NB_KINDS] = {
	[ALLOC] = "alloc",   [MAP] = "map",           [WRITE] = "write", [READ] = "read",
	[OPEN] = "open",     [CLOSE] = "close",       [SYNC] = "sync",   [RENAME] = "rename",
	[THREAD] = "thread", [TRUNCATE] = "truncate", [PIN] = "pin",
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{"short", 0},       {"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EPIPE", EPIPE},
	{"EINTR", EINTR},   {"ENOMEM", ENOMEM}, {"EAGAIN", EAGAIN}, {"EINVAL", EINVAL},
	{"EMFILE", EMFILE}, {"EACCES", EACCES}, {"EROFS", EROFS},   {"EDQUOT", EDQUOT},
};

static struct {
	bool is_known; /* the environment was read */
	int log;       /* where end() writes, or -1 */
	int kind;      /* NB_KINDS: nothing fails */
	unsigned long first, last;
	int error; /* 0: short */
	atomic_ulong nb_calls[NB_KINDS], nb_fired;
} faults = {.log = -1, .kind = NB_KINDS};

static void parse(const char *text)
{
	char kind[16], error[16], plus = 0;
	unsigned long n;

	if (sscanf(text, "%15[a-z]:%lu%c", kind, &n, &plus) != 3)
		return;
	if (sscanf(strrchr(text, ':') + 1, "%15s", error) != 1)
		return;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, error) == 0)
			faults.error = errors[i].error;
	faults.first = n;
	faults.last = plus == '+' ? ~0ul : n;
	for (int i = 0; i < NB_KINDS; i++)
		if (strcmp(kind_names[i], kind) == 0)
			faults.kind = i;
}

/* At once: the program may give up its right to open files for writing. A number of no meaning. */
static int open_log(const char *path)
{
	const long fd = syscall(SYS_open, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	const long high = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);

	syscall(SYS_close, fd);
	return (int)high;
}

/* Before anybody else's constructor, where the loader lets us: theirs may fail, too. */
__attribute__((constructor(101))) static void begin(void)
{
	const char *text = getenv("FAULTS"), *path = getenv("FAULTS_LOG");

	if (text)
		parse(text);
	if (path)
		faults.log = open_log(path);
	faults.is_known = true;
}

/* By system calls: everything else may be made to fail. */
__attribute__((destructor)) static void end(void)
{
	char text[512];
	size_t len = 0;

	if (faults.log < 0)
		return;
	for (int i = 0; i < NB_KINDS; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %lu\n", kind_names[i],
					atomic_load(&faults.nb_calls[i]));
	len += (size_t)snprintf(text + len, sizeof(text) - len, "fired %lu\n",
				atomic_load(&faults.nb_fired));
	(void)!syscall(SYS_write, faults.log, text, len);
}

/* Is this the call that fails? Counts it. */
static bool fails(enum kind kind)
{
	unsigned long n;

	if (!faults.is_known)
		return false;
	n = atomic_fetch_add(&faults.nb_calls[kind], 1) + 1;
	if ((int)kind != faults.kind || n < faults.first || n > faults.last)
		return false;
	atomic_fetch_add(&faults.nb_fired, 1);
	if (faults.error)
		errno = faults.error;
	return true;
}

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* The same of a call that can do half: *len is made smaller then, and it does not fail. */
static bool fails_or_shortens(enum kind kind, int fd, size_t *len)
{
	if (is_pipe(fd) || !fails(kind))
		return false;
	if (faults.error)
		return true;
	*len = (*len + 1) / 2;
	return false;
}

/* ---- memory ------------------------------------------------------------ */

/* glibc's own, which need no dlsym(): that one allocates. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t nb, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

void *malloc(size_t size)
{
	return fails(ALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t nb, size_t size)
{
	return fails(ALLOC) ? NULL : __libc_calloc(nb, size);
}

void *realloc(void *old, size_t size)
{
	return fails(ALLOC) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails(ALLOC) ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	void *memory = fails(ALLOC) ? NULL : __libc_memalign(align, size);

	if (!memory)
		return ENOMEM;
	*out = memory;
	return 0;
}

static void *map(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (fails(MAP))
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
}

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	return map(at, len, prot, flags, fd, offset);
}

void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t offset)
{
	return map(at, len, prot, flags, fd, offset);
}

/* ---- bytes ------------------------------------------------------------- */

ssize_t write(int fd, const void *data, size_t len)
{
	return fails_or_shortens(WRITE, fd, &len) ? -1 : syscall(SYS_write, fd, data, len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	return fails_or_shortens(WRITE, fd, &len) ? -1
						  : syscall(SYS_pwrite64, fd, data, len, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int nb)
{
	return fails(WRITE) ? -1 : syscall(SYS_writev, fd, parts, nb);
}

ssize_t read(int fd, void *data, size_t len)
{
	return fails_or_shortens(READ, fd, &len) ? -1 : syscall(SYS_read, fd, data, len);
}

ssize_t pread64(int fd, void *data, size_t len, off64_t offset)
{
	return fails_or_shortens(READ, fd, &len) ? -1 : syscall(SYS_pread64, fd, data, len, offset);
}

ssize_t preadv64v2(int fd, const struct iovec *parts, int nb, off64_t offset, int flags)
{
	struct iovec part;

	if (nb != 1)
		return fails(READ) ? -1 : syscall(SYS_preadv2, fd, parts, nb, offset, 0L, flags);
	part = parts[0];
	return fails_or_shortens(READ, fd, &part.iov_len)
		       ? -1
		       : syscall(SYS_preadv2, fd, &part, 1, offset, 0L, flags);
}

/* ---- files ------------------------------------------------------------- */

static int open_at(int folder, const char *path, int flags, unsigned int mode)
{
	return fails(OPEN) ? -1 : (int)syscall(SYS_openat, folder, path, flags, mode);
}

/* The mode, if there is one, is the only further argument. */
#define OPEN_WITH_MODE(folder, path, flags)                                                        \
	va_list args;                                                                              \
	unsigned int mode;                                                                         \
                                                                                                   \
	va_start(args, flags);                                                                     \
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned int) : 0;                     \
	va_end(args);                                                                              \
	return open_at(folder, path, flags, mode)

int open(const char *path, int flags, ...)
{
	OPEN_WITH_MODE(AT_FDCWD, path, flags);
}

int open64(const char *path, int flags, ...)
{
	OPEN_WITH_MODE(AT_FDCWD, path, flags);
}

int openat(int folder, const char *path, int flags, ...)
{
	OPEN_WITH_MODE(folder, path, flags);
}

int openat64(int folder, const char *path, int flags, ...)
{
	OPEN_WITH_MODE(folder, path, flags);
}

/* Linux gives the descriptor back whatever it answers. */
int close(int fd)
{
	const bool is_told_to_fail = fails(CLOSE);
	const int error = errno, ret = (int)syscall(SYS_close, fd);

	if (!is_told_to_fail)
		return ret;
	errno = error;
	return -1;
}

int fsync(int fd)
{
	return fails(SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails(SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
	return fails(RENAME) ? -1 : (int)syscall(SYS_rename, from, to);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned int flags)
{
	return fails(RENAME) ? -1 : (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
}

int link(const char *from, const char *to)
{
	return fails(RENAME) ? -1 : (int)syscall(SYS_link, from, to);
}

int ftruncate64(int fd, off64_t len)
{
	return fails(TRUNCATE) ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
	return fails(TRUNCATE) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

/* ---- threads ----------------------------------------------------------- */

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
		   void *context)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (fails(THREAD))
		return errno;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attributes, start, context);
}

int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
	int (*real)(pthread_t, size_t, const cpu_set_t *);

	if (fails(PIN))
		return errno;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_setaffinity_np");
	return real(thread, size, set);
}

int nanosleep(const struct timespec *length, struct timespec *left)
{
	if (length->tv_sec == 0 && length->tv_nsec >= 100000000)
		return 0;
	return (int)syscall(SYS_nanosleep, length, left);
}
