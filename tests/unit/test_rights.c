/* SPDX-License-Identifier: BSD-3-Clause */

/* What the kernel denies once rights were given up: tried in a child, which cannot go back. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tcpmill/rights.h"

#define NO_FILTER 77 /* exit status of a child that could not give up its rights */

static char folder[] = "/tmp/test_rights_XXXXXX";

static bool denies(long answer)
{
	return answer == -1 && errno == EPERM;
}

/* Every call fails with EPERM, which none of them would otherwise. 0 or a number that says which.
 */
static int try_foreign(void)
{
	char *const words[] = {(char[]){"true"}, NULL};
	struct iovec piece = {.iov_base = &piece, .iov_len = 1};

	if (!denies(execve("/bin/true", words, words)))
		return 1;
	if (!denies(socket(AF_UNIX, SOCK_STREAM, 0)))
		return 2;
	if (!denies(kill(getpid(), 0)))
		return 3;
	if (!denies(process_vm_readv(getpid(), &piece, 1, &piece, 1, 0)))
		return 4;
	if (!denies(syscall(SYS_io_uring_setup, 1, NULL)))
		return 5;
	if (!denies(chmod(folder, 0700)))
		return 6;
	return 0;
}

static int try_new_files(void)
{
	if (!denies(open("new", O_WRONLY | O_CREAT, 0600)))
		return 11;
	if (!denies(open("old", O_RDWR)))
		return 12;
	if (!denies(openat(AT_FDCWD, "old", O_RDONLY | O_TRUNC)))
		return 13;
	if (!denies(unlink("old")) || !denies(truncate("old", 0)))
		return 14;
	if (!denies(link("old", "new")) || !denies(mkdir("new", 0700)))
		return 15;
	return 0;
}

/* What a run still does: reads files that it opens late, writes what is open, renames. */
static int try_own(int fd)
{
	char text[3] = "";
	const int late = open("old", O_RDONLY);

	if (late < 0 || read(late, text, 3) != 3 || memcmp(text, "old", 3) != 0)
		return 21;
	if (write(fd, "more", 4) != 4 || fdatasync(fd) != 0 || close(fd) != 0)
		return 22;
	if (rename("part", "whole") != 0)
		return 23;
	return malloc(100) && getpid() > 0 ? 0 : 24;
}

struct early {
	pthread_barrier_t barrier;
	int answer;
};

/* A thread that was there before, as those that decompress are. */
static void *early_thread(void *context)
{
	struct early *early = context;

	pthread_barrier_wait(&early->barrier);
	early->answer = try_foreign();
	if (early->answer == 0)
		early->answer = try_new_files();
	return NULL;
}

static int reader(void)
{
	const int fd = open("part", O_WRONLY | O_CREAT, 0600);
	struct early early;
	pthread_t thread;
	int answer;

	if (fd < 0 || pthread_barrier_init(&early.barrier, NULL, 2) != 0 ||
	    pthread_create(&thread, NULL, early_thread, &early) != 0)
		return 31;
	if (!rights_keep_only(RIGHTS_READ))
		_exit(NO_FILTER);
	pthread_barrier_wait(&early.barrier);
	pthread_join(thread, NULL);
	if (early.answer != 0)
		return early.answer + 100;
	answer = try_foreign();
	answer = answer != 0 ? answer : try_new_files();
	return answer != 0 ? answer : try_own(fd);
}

static int maker(void)
{
	int fd, answer;

	if (!rights_keep_only(RIGHTS_MAKE))
		_exit(NO_FILTER);
	fd = open("made", O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0)
		return 41;
	answer = try_foreign();
	return answer != 0 ? answer : unlink("made") == 0 ? 0 : 42;
}

static void assert_child(int (*what)(void))
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(what());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FILTER)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_reader_reads_and_writes_what_is_open(void **state)
{
	(void)state;
	assert_child(reader);
	assert_int_equal(access("whole", F_OK), 0);
	assert_int_equal(access("old", F_OK), 0);
}

static void a_maker_makes_files(void **state)
{
	(void)state;
	assert_child(maker);
}

static void all_rights_are_kept_without_a_word(void **state)
{
	(void)state;
	assert_false(rights_keep_only(RIGHTS_ALL));
	assert_int_equal(chmod(folder, 0700), 0);
}

static int setup(void **state)
{
	FILE *file;

	(void)state;
	if (!mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	file = fopen("old", "w");
	return file && fputs("old", file) >= 0 && fclose(file) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unlink("old");
	unlink("part");
	unlink("whole");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_reads_and_writes_what_is_open),
		cmocka_unit_test(a_maker_makes_files),
		cmocka_unit_test(all_rights_are_kept_without_a_word),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
