/* SPDX-License-Identifier: BSD-3-Clause */
#include "child.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ANSWER_MAX 65536

/* A number behind "key": of the program's JSON, from *at on, which moves behind it. */
static bool next_number(const char **at, const char *key, double *number)
{
	char quoted[64];
	const char *found;
	char *end;

	snprintf(quoted, sizeof(quoted), "\"%s\": ", key);
	found = strstr(*at, quoted);
	if (found == NULL)
		return false;
	found += strlen(quoted);
	*number = strtod(found, &end);
	*at = end;
	return end != found;
}

static bool first_number(const char *json, const char *key, double *number)
{
	return next_number(&json, key, number);
}

static bool first_count(const char *json, const char *key, uint64_t *count)
{
	double number;

	if (!first_number(json, key, &number) || number < 0)
		return false;
	*count = (uint64_t)number;
	return true;
}

/* Each worker has one. */
static uint64_t sum_counts(const char *json, const char *key)
{
	double number;
	uint64_t sum = 0;

	while (next_number(&json, key, &number))
		sum += (uint64_t)number;
	return sum;
}

static bool read_answer(const char *json, struct child_result *result)
{
	result->flow_bytes = sum_counts(json, "flow_bytes");
	result->max_live_flows = sum_counts(json, "max_live_flows");
	return first_number(json, "startup_seconds", &result->startup_seconds) &&
	       first_number(json, "read_seconds", &result->read_seconds) &&
	       first_number(json, "write_seconds", &result->write_seconds) &&
	       first_count(json, "packets", &result->packets) &&
	       first_count(json, "tracked", &result->tracked) && /* the books come before workers */
	       first_count(json, "flows", &result->flows) &&
	       first_count(json, "records", &result->records) &&
	       first_count(json, "record_bytes", &result->record_bytes) &&
	       first_count(json, "peak_rss_bytes", &result->peak_rss_bytes);
}

/* In the child: never returns. */
static void become_tcpmill(const struct child_run *run, int out)
{
	char workers[32], max_flows[32];

	snprintf(workers, sizeof(workers), "%" PRIu64, run->workers);
	snprintf(max_flows, sizeof(max_flows), "%" PRIu64, run->max_flows);
	if (dup2(out, STDOUT_FILENO) >= 0)
		execl(run->tcpmill, run->tcpmill, "run", run->capture, "--json", "--quiet",
		      "--workers", workers, "--max-flows", max_flows, "-w", run->records,
		      (char *)NULL);
	bench_fail(1, run->tcpmill, strerror(errno));
	_exit(127);
}

/* Until the end, or as much as fits. Returns the length. */
static size_t drain(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		const ssize_t n = read(fd, text + len, size - 1 - len);

		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	return len;
}

int child_run(const struct child_run *run, struct child_result *result)
{
	char *text = malloc(ANSWER_MAX);
	int pipes[2], status = 0, rc = 1;
	pid_t pid;

	if (text == NULL || pipe(pipes) != 0) {
		free(text);
		return bench_fail(1, run->tcpmill, strerror(errno));
	}
	pid = fork();
	if (pid == 0) {
		close(pipes[0]);
		become_tcpmill(run, pipes[1]);
	}
	close(pipes[1]);
	if (pid > 0) {
		drain(pipes[0], text, ANSWER_MAX);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		unlink(run->records);
	}
	close(pipes[0]);
	if (pid < 0)
		bench_fail(1, run->tcpmill, strerror(errno));
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_fail(1, run->tcpmill, "the run failed");
	else if (!read_answer(text, result))
		bench_fail(1, run->tcpmill, "its --json does not have what is needed");
	else
		rc = 0;
	free(text);
	return rc;
}
