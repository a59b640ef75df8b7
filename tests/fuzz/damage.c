/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Systematic damage to captures:
 *
 *	tcpmill-damage [--cuts N] [--flips N] [--fields N] [--seed S] [--jobs N] FILE...
 *
 * Every file (of a larger one its first 64 KiB, but not at each) is cut at every byte, has bits
 * flipped, and each of its length fields set to 0, 1, the largest number, and one more or less than
 *it was. However it is damaged it must be read without a crash and without a read outside it (with
 *ASan), in bounded time; be told to be damaged in one line; and its frames in front of the damage
 *must be those of the sound file, and come to the same. The books balance: pass.c looks after that.
 *
 * N bounds what is done to each file, spread evenly; --flips counts over all files. 0: all cuts,
 * all fields, no flips.
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "layout.h"
#include "pass.h"

#define LARGEST ((size_t)64 << 10)
#define LARGER_CUTS 500 /* of a file's first 64 KiB */
#define SECONDS_MAX 20  /* a pass takes a thousandth of it */

enum kind { CUT, FLIP, FIELD, NB_KINDS };
static const char *const kind_names[NB_KINDS] = {"cut", "bit flipped", "length field"};

/* Shared with the parent: what was done, and what is being done right now. */
struct tally {
	uint64_t nb[NB_KINDS];      /* damaged files read */
	uint64_t refused[NB_KINDS]; /* no capture any more */
	uint64_t told[NB_KINDS];    /* as damaged */
	uint64_t kept[NB_KINDS];    /* frames in front of the damage, all compared */
	uint64_t frames[NB_KINDS];  /* all frames read */
	uint64_t slowest_ns[NB_KINDS];
	enum kind kind;
	size_t at;
	uint32_t value;
};

struct options {
	uint64_t cuts, flips, fields, seed;
	int jobs;
};

/* One capture, sound, and the passes over it. */
struct bed {
	const struct options *options;
	struct tally *tally;
	uint8_t *data, *damaged;
	size_t size;
	bool is_part; /* the beginning of a larger file */
	struct layout layout;
	struct pass good, pass;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void run(struct pass *pass, const uint8_t *data, size_t size)
{
	struct fuzz_file file;

	fuzz_file_open(&file, data, size);
	alarm(SECONDS_MAX);
	pass_run(pass, &(struct pass_params){file.path, PASS_WHOLE, true});
	alarm(0);
	fuzz_file_close(&file);
}

/* Damage begins at byte at: what is wholly in front of it is as it was. */
static void read_damaged(struct bed *bed, enum kind kind, size_t size, size_t at, uint32_t value)
{
	struct tally *tally = bed->tally;
	const size_t kept = layout_frames_before(&bed->layout, at);
	uint64_t start = now_ns();

	tally->kind = kind;
	tally->at = at;
	tally->value = value;
	run(&bed->pass, bed->damaged, size);
	start = now_ns() - start;
	if (start > tally->slowest_ns[kind])
		tally->slowest_ns[kind] = start;
	fuzz_check(bed->pass.is_open || kept == 0);
	fuzz_check(pass_begins_alike(&bed->good, &bed->pass, kept));
	tally->nb[kind]++;
	tally->refused[kind] += !bed->pass.is_open;
	tally->told[kind] += bed->pass.damage[0] != '\0';
	tally->kept[kind] += kept;
	tally->frames[kind] += bed->pass.nb_frames;
}

/* i of n, of nb things spread evenly. */
static size_t spread(size_t i, size_t n, size_t nb)
{
	return n >= nb ? i : i * nb / n;
}

static size_t bounded(uint64_t bound, size_t nb)
{
	return bound == 0 || bound > nb ? nb : (size_t)bound;
}

static void cut(struct bed *bed)
{
	const struct layout *l = &bed->layout;
	size_t n = bounded(bed->options->cuts, bed->size);

	if (bed->is_part && n > LARGER_CUTS)
		n = LARGER_CUTS;
	memcpy(bed->damaged, bed->data, bed->size);
	for (size_t i = 0; i < n; i++) {
		const size_t at = spread(i, n, bed->size);

		read_damaged(bed, CUT, at, at, 0);
		if (!l->is_known || at > l->sound || !bed->pass.is_open)
			continue;
		/* Nothing but those frames; and unless a record ended there, it is told. */
		fuzz_check(bed->pass.nb_frames == layout_frames_before(l, at));
		fuzz_check((bed->pass.damage[0] == '\0') == layout_is_border(l, at));
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

static void flip(struct bed *bed, uint64_t nb, uint64_t seed)
{
	uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;

	memcpy(bed->damaged, bed->data, bed->size);
	for (uint64_t i = 0; i < nb; i++) {
		const size_t at = next_random(&random) % bed->size;
		const uint8_t bit = (uint8_t)(1u << next_random(&random) % 8);

		bed->damaged[at] ^= bit;
		read_damaged(bed, FLIP, bed->size, at, bit);
		bed->damaged[at] ^= bit;
	}
}

static void set_number(struct bed *bed, const struct layout_field *field, uint32_t value)
{
	for (unsigned int i = 0; i < field->width; i++) {
		const unsigned int shift = 8 * (bed->layout.is_swapped ? field->width - 1 - i : i);

		bed->damaged[field->at + i] = (uint8_t)(value >> shift);
	}
}

static void set_fields(struct bed *bed)
{
	const struct layout *l = &bed->layout;
	const size_t n = bounded(bed->options->fields, l->nb_fields);

	memcpy(bed->damaged, bed->data, bed->size);
	for (size_t i = 0; i < n; i++) {
		const struct layout_field *field = &l->fields[spread(i, n, l->nb_fields)];
		uint32_t was = 0;
		uint32_t values[5] = {0, 1, UINT32_MAX, 0, 0};

		memcpy(&was, bed->data + field->at, field->width);
		if (l->is_swapped)
			was = field->width == 4 ? __builtin_bswap32(was)
						: __builtin_bswap16((uint16_t)was);
		values[3] = was + 1;
		values[4] = was - 1;
		for (size_t v = 0; v < 5; v++) {
			set_number(bed, field, values[v]);
			read_damaged(bed, FIELD, bed->size, field->at, values[v]);
		}
		memcpy(bed->damaged + field->at, bed->data + field->at, field->width);
	}
}

/* The file, or as many of its first records as fit. */
static bool load(struct bed *bed, const char *path)
{
	FILE *file = fopen(path, "rb");

	bed->data = malloc(LARGEST + 1);
	bed->damaged = malloc(LARGEST + 1);
	fuzz_check(bed->data != NULL && bed->damaged != NULL);
	if (file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	bed->size = fread(bed->data, 1, LARGEST + 1, file);
	(void)fclose(file);
	layout_read(&bed->layout, bed->data, bed->size);
	bed->is_part = bed->size > LARGEST;
	if (bed->is_part)
		bed->size = bed->layout.sound;
	return bed->size > 0;
}

/* A child's work: all that is done to one file. */
static int damage_file(const struct options *options, const char *path, struct tally *tally,
		       uint64_t flips, uint64_t seed)
{
	struct bed bed = {.options = options, .tally = tally};

	if (!load(&bed, path))
		return 1;
	run(&bed.good, bed.data, bed.size);
	fuzz_check(!bed.layout.is_known || bed.good.nb_frames == bed.layout.nb_frames);
	cut(&bed);
	flip(&bed, flips, seed);
	set_fields(&bed);
	layout_fini(&bed.layout);
	pass_fini(&bed.good);
	pass_fini(&bed.pass);
	free(bed.data);
	free(bed.damaged);
	return 0;
}

/* ---- the parent ------------------------------------------------------------ */

struct children {
	char *const *paths;
	struct tally *tallies; /* [nb], shared */
	pid_t *pids;
	size_t nb, nb_failed;
};

/* Waits for one child; tells of what it died. */
static void reap(struct children *children)
{
	int status;
	const pid_t pid = wait(&status);

	for (size_t i = 0; i < children->nb; i++) {
		const struct tally *tally = &children->tallies[i];

		if (children->pids[i] != pid || pid <= 0)
			continue;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
		children->nb_failed++;
		printf("FAIL damage: %s: %s at byte %zu, value %" PRIu32 ": %s %d\n",
		       children->paths[i], kind_names[tally->kind], tally->at, tally->value,
		       WIFSIGNALED(status) ? "killed by signal" : "exit status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		fflush(stdout);
	}
}

static void run_children(struct children *children, const struct options *options)
{
	int nb_running = 0;

	for (size_t i = 0; i < children->nb; i++) {
		const uint64_t flips =
			options->flips * (i + 1) / children->nb - options->flips * i / children->nb;

		if (nb_running == options->jobs) {
			reap(children);
			nb_running--;
		}
		children->pids[i] = fork();
		fuzz_check(children->pids[i] >= 0);
		if (children->pids[i] == 0)
			_exit(damage_file(options, children->paths[i], &children->tallies[i], flips,
					  options->seed + i));
		nb_running++;
	}
	for (; nb_running > 0; nb_running--)
		reap(children);
}

static void print_table(const struct children *children)
{
	printf("# %zu captures\n", children->nb);
	printf("# %-14s %10s %10s %10s %14s %14s %10s\n", "damage", "files", "refused", "told",
	       "frames kept", "frames read", "slowest ms");
	for (int kind = 0; kind < NB_KINDS; kind++) {
		struct tally sum = {0};

		for (size_t i = 0; i < children->nb; i++) {
			const struct tally *tally = &children->tallies[i];

			sum.nb[0] += tally->nb[kind];
			sum.refused[0] += tally->refused[kind];
			sum.told[0] += tally->told[kind];
			sum.kept[0] += tally->kept[kind];
			sum.frames[0] += tally->frames[kind];
			if (tally->slowest_ns[kind] > sum.slowest_ns[0])
				sum.slowest_ns[0] = tally->slowest_ns[kind];
		}
		printf("# %-14s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %14" PRIu64 " %14" PRIu64
		       " %10.1f\n",
		       kind_names[kind], sum.nb[0], sum.refused[0], sum.told[0], sum.kept[0],
		       sum.frames[0], (double)sum.slowest_ns[0] / 1e6);
	}
}

static bool take_option(struct options *options, int option)
{
	const uint64_t value = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;

	switch (option) {
	case 'c':
		options->cuts = value;
		return true;
	case 'f':
		options->flips = value;
		return true;
	case 'l':
		options->fields = value;
		return true;
	case 's':
		options->seed = value;
		return true;
	case 'j':
		options->jobs = (int)value;
		return value > 0 && value < 1000;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{"cuts", required_argument, NULL, 'c'},   {"flips", required_argument, NULL, 'f'},
		{"fields", required_argument, NULL, 'l'}, {"seed", required_argument, NULL, 's'},
		{"jobs", required_argument, NULL, 'j'},   {NULL, 0, NULL, 0}};
	struct options options = {.seed = 1, .jobs = 1};
	struct children children = {0};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (!take_option(&options, option))
			return 2;
	}
	children.paths = argv + optind;
	children.nb = (size_t)(argc - optind);
	if (children.nb == 0) {
		fputs("tcpmill-damage: expected captures\n", stderr);
		return 2;
	}
	children.pids = calloc(children.nb, sizeof(*children.pids));
	children.tallies = mmap(NULL, children.nb * sizeof(*children.tallies),
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fuzz_check(children.pids != NULL && children.tallies != MAP_FAILED);
	run_children(&children, &options);
	print_table(&children);
	printf("%zu passed, %zu failed, 0 skipped\n", children.nb - children.nb_failed,
	       children.nb_failed);
	free(children.pids);
	return children.nb_failed != 0;
}
