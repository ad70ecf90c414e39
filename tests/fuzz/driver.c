/*
 * Runs a fuzz target without any fuzzing library: seeds are mutated by a generator that depends on
 * nothing but --seed and the number of the run, so whatever fails fails again, alone, with --only.
 *
 *	fuzz_TARGET [--seed N] [--runs N] [--only RUN] [FILE or FOLDER of seeds]...
 *
 * Each input ends where a page ends that may not be touched: an over-read of one byte dies in any
 * build, not only under a sanitizer. A SIP message among the seeds also gives its body as a seed.
 */
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT_MAX = 16384, SEEDS_MAX = 1024, ROUNDS_MAX = 8, RUNS_DEFAULT = 100000 };

struct seed {
	uint8_t *data;
	size_t size;
};
static struct seed seeds[SEEDS_MAX];
static size_t n_seeds;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void add_seed(const uint8_t *data, size_t size)
{
	if (n_seeds == SEEDS_MAX || size > INPUT_MAX)
		return;
	struct seed *s = &seeds[n_seeds];
	s->data = malloc(size + 1);
	if (!s->data)
		die("malloc");
	memcpy(s->data, data, size);
	s->size = size;
	n_seeds++;
}

static void add_file(const char *path)
{
	uint8_t data[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	if (!f)
		die(path);
	size_t size = fread(data, 1, sizeof(data), f);
	fclose(f);
	add_seed(data, size);
	const uint8_t *blank = memmem(data, size, "\r\n\r\n", 4);
	if (blank)
		add_seed(blank + 4, size - (size_t)(blank + 4 - data));
}

/* A file, or every file of a folder and of the folders in it, in order of name. */
static void add_path(const char *path)
{
	struct dirent **entry;
	int n = scandir(path, &entry, NULL, alphasort);

	if (n < 0 && errno == ENOTDIR) {
		add_file(path);
		return;
	}
	if (n < 0)
		die(path);
	for (int i = 0; i < n; i++) {
		char inner[PATH_MAX];
		snprintf(inner, sizeof(inner), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			add_path(inner);
		free(entry[i]);
	}
	free(entry);
}

/* splitmix64: every run has its own stream, whatever came before it. */
static uint64_t rng_state;

static size_t rng(size_t below)
{
	rng_state += 0x9e3779b97f4a7c15u;
	uint64_t z = rng_state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return below ? (size_t)((z ^ (z >> 31)) % below) : 0;
}

/* Replace `cut` bytes at `at` by `n` bytes, as far as there is room. */
static size_t splice(uint8_t *data, size_t size, size_t at, size_t cut, const uint8_t *with, size_t n)
{
	if (size - cut + n > INPUT_MAX)
		return size;
	memmove(data + at + n, data + at + cut, size - at - cut);
	memcpy(data + at, with, n);
	return size - cut + n;
}

static size_t mutate(uint8_t *data, size_t size)
{
	static const char *const words[] = {"\r\n", "\n", "\r", " ", "=", ":", "/",
		"c=IN IP6 ::", "m=audio 0", "m=", "a=", "a=sendonly", "o=- 18446744073709551616 1", "v=0\r\n",
		"4294967296", "-1", "\xff\xfe", "a=inactive\r\n", "65536"};
	const char *word = words[rng(sizeof(words) / sizeof(words[0]))];
	const struct seed *other = &seeds[rng(n_seeds)];
	size_t at = rng(size + 1), length = rng(size - at + 1), from = rng(other->size);

	switch (rng(7)) {
	case 0: /* flip a bit */
		if (at < size)
			data[at] ^= (uint8_t)(1u << rng(8));
		return size;
	case 1: /* any byte */
		if (at < size)
			data[at] = (uint8_t)rng(256);
		return size;
	case 2: /* cut short */
		return at;
	case 3: /* take out a stretch */
		return splice(data, size, at, rng(length > 40 ? 40 : length + 1), (const uint8_t *)"", 0);
	case 4: /* put in a word */
		return splice(data, size, at, 0, (const uint8_t *)word, strlen(word));
	case 5: { /* say a stretch twice */
		uint8_t copy[64];
		size_t n = length > sizeof(copy) ? sizeof(copy) : length;
		memcpy(copy, data + at, n);
		return splice(data, size, at, 0, copy, n);
	}
	default: /* a stretch of another seed */
		return splice(data, size, at, length, other->data + from, other->size - from);
	}
}

/* Two mappings: room for the input, then a page without access. */
static uint8_t *guarded_end(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (INPUT_MAX + page - 1) / page * page;
	uint8_t *base = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED || mprotect(base + room, page, PROT_NONE) != 0)
		die("mmap");
	return base + room;
}

static void run(uint8_t *end, uint64_t seed, uint64_t number)
{
	static uint8_t data[INPUT_MAX];

	rng_state = seed * 0x2545f4914f6cdd1du + number;
	const struct seed *s = &seeds[rng(n_seeds)];
	size_t size = s->size;
	memcpy(data, s->data, size);
	for (size_t rounds = number < n_seeds ? 0 : 1 + rng(ROUNDS_MAX); rounds > 0; rounds--)
		size = mutate(data, size);
	memcpy(end - size, data, size);
	LLVMFuzzerTestOneInput(end - size, size);
}

int main(int argc, char *argv[])
{
	uint64_t seed = 1, runs = RUNS_DEFAULT, only = UINT64_MAX;

	for (const char *const *s = fuzz_seeds; *s; s++)
		add_seed((const uint8_t *)*s, strlen(*s));
	for (int i = 1; i < argc; i++) {
		uint64_t *number = strcmp(argv[i], "--seed") == 0 ? &seed
			: strcmp(argv[i], "--runs") == 0          ? &runs
			: strcmp(argv[i], "--only") == 0          ? &only
								  : NULL;
		if (number && i + 1 < argc)
			*number = strtoull(argv[++i], NULL, 10);
		else
			add_path(argv[i]);
	}

	/* The child may die; the parent knows in which run. */
	uint64_t *number =
		mmap(NULL, sizeof(*number), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (number == MAP_FAILED)
		die("mmap");
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		uint8_t *end = guarded_end();
		uint64_t last = only != UINT64_MAX ? only + 1 : runs;
		for (*number = only != UINT64_MAX ? only : 0; *number < last; ++*number)
			run(end, seed, *number);
		_exit(0);
	}
	int status;
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	if (status != 0) {
		fprintf(stderr, "died; again: %s --seed %llu --only %llu, and the same seeds\n", argv[0],
			(unsigned long long)seed, (unsigned long long)*number);
		return 1;
	}
	printf("%llu runs from %zu seeds\n", (unsigned long long)*number, n_seeds);
	return 0;
}
