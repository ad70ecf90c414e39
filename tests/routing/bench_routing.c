/* Prints what look-ups, plans and reloads cost; judges nothing. */
#include "mapping_gateways.h"
#include "routing.h"
#include "routing_table.h"

#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PREFIXES = 1000000, LOOKUPS = 2000000, GATEWAYS = 10000, PREFIX_SIZE = 16 };

static uint64_t state = 88172645463325252;

static unsigned random_below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void random_digits(char *out, unsigned length)
{
	out[0] = (char)('1' + random_below(9));
	for (unsigned i = 1; i < length; i++)
		out[i] = (char)('0' + random_below(10));
	out[length] = '\0';
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Distinct, sorted. @return how many are left of PREFIXES */
static size_t make_prefixes(char (*prefix)[PREFIX_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; i < PREFIXES; i++)
		random_digits(prefix[i], 6 + random_below(7));
	qsort(prefix, PREFIXES, PREFIX_SIZE, compare);
	for (size_t i = 0; i < PREFIXES; i++)
		if (!n || strcmp(prefix[n - 1], prefix[i]) != 0)
			memmove(prefix[n++], prefix[i], PREFIX_SIZE);
	return n;
}

static struct routing_table *build(char (*prefix)[PREFIX_SIZE], size_t n)
{
	struct routing_table *t;
	const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	const double start = now_ms();

	if (routing_table_create(&t))
		abort();
	for (size_t i = 0; i < n; i++) {
		const struct db_route row = {.prefix = prefix[i],
			.enabled = true,
			.gateway = (uint32_t)(i % GATEWAYS),
			.carry_through = true};

		if (routing_table_add(t, &row))
			abort();
	}
	if (routing_table_finish(t))
		abort();
	printf("build %zu prefixes          %8.1f ms\n", n, now_ms() - start);
	printf("memory                         %8.1f MiB (%.1f bytes a prefix)\n",
		(double)routing_table_bytes(t) / 1048576, (double)routing_table_bytes(t) / (double)n);
	printf("memory as malloc sees it       %8.1f MiB\n",
		(double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / 1048576);
	return t;
}

static void look_up(const struct routing_table *t, char (*prefix)[PREFIX_SIZE], size_t n)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	char(*number)[PREFIX_SIZE] = malloc((size_t)LOOKUPS * PREFIX_SIZE);
	size_t matches = 0;

	for (size_t i = 0; i < LOOKUPS; i++) {
		random_digits(number[i], PREFIX_SIZE - 1);
		memcpy(number[i], prefix[random_below((unsigned)n)], 6 + random_below(4));
		for (size_t j = 0; j < PREFIX_SIZE - 1; j++)
			if (!number[i][j])
				number[i][j] = '7';
	}
	const double start = now_ms();
	for (size_t i = 0; i < LOOKUPS; i++)
		matches += routing_table_match(t, number[i], match);
	printf("look-up                        %8.1f ns (%.2f prefixes match)\n",
		(now_ms() - start) * 1e6 / LOOKUPS, (double)matches / LOOKUPS);
	free(number);
}

static char names[GATEWAYS][16], hosts[GATEWAYS][16];

static struct db_gateway *make_gateways(void)
{
	struct db_gateway *rows = calloc(GATEWAYS, sizeof(*rows));

	for (unsigned i = 0; i < GATEWAYS; i++) {
		snprintf(names[i], sizeof(names[i]), "gateway-%05u", i);
		snprintf(hosts[i], sizeof(hosts[i]), "10.%u.%u.1", i / 256, i % 256);
		rows[i] = (struct db_gateway){.name = names[i],
			.host = hosts[i],
			.transport = "udp",
			.enabled = true,
			.capacity = 30,
			.cps = 10,
			.auth_user = "",
			.auth_password = "",
			.registration = ""};
	}
	return rows;
}

static void apply(const char *what, struct gateways *gws, const struct db_gateway *rows)
{
	const double start = now_ms();

	if (gateways_apply(gws, rows, GATEWAYS))
		abort();
	printf("%-30s %8.2f ms\n", what, now_ms() - start);
}

static void apply_mappings(
	struct mapping_gateways *set, const struct db_mapping_gateway *rows, const char *what)
{
	const double start = now_ms();

	if (mapping_gateways_apply(set, rows, GATEWAYS, NULL, NULL))
		abort();
	printf("%-30s %8.2f ms\n", what, now_ms() - start);
}

static void mappings(void)
{
	struct db_mapping_gateway *rows = calloc(GATEWAYS, sizeof(*rows));
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct mapping_gateways *set;
	size_t found = 0;

	for (unsigned i = 0; i < GATEWAYS; i++)
		rows[i] = (struct db_mapping_gateway){.name = names[i], .host = hosts[i], .enabled = true};
	if (mapping_gateways_create(&set))
		abort();
	apply_mappings(set, rows, "mapping: first load of 10,000");
	rows[GATEWAYS / 2].capacity = 31;
	apply_mappings(set, rows, "mapping: one row changed");
	const double start = now_ms();
	for (size_t i = 0; i < LOOKUPS; i++) {
		in.sin_addr.s_addr = htonl(10u << 24 | random_below(40 * 256) << 8 | 1);
		found += mapping_gateways_find(set, (struct sockaddr *)&in) != NULL;
	}
	printf("mapping: who is this source    %8.1f ns (%zu %% known)\n", (now_ms() - start) * 1e6 / LOOKUPS,
		found * 100 / LOOKUPS);
	mapping_gateways_destroy(set);
	free(rows);
}

static void plans(struct routing *r, char (*prefix)[PREFIX_SIZE], size_t n)
{
	const double start = now_ms();
	size_t candidates = 0;

	for (size_t i = 0; i < LOOKUPS; i++) {
		const struct routing_request req = {.ingress = "",
			.caller = "",
			.callee = prefix[random_below((unsigned)n)],
			.now_ms = 1000};
		struct routing_plan plan;

		if (routing_plan(r, &req, &plan))
			abort();
		candidates += plan.n;
		routing_plan_clear(&plan);
	}
	printf("plan                           %8.1f ns (%.2f candidates)\n",
		(now_ms() - start) * 1e6 / LOOKUPS, (double)candidates / LOOKUPS);
}

int main(void)
{
	char(*prefix)[PREFIX_SIZE] = malloc((size_t)PREFIXES * PREFIX_SIZE);
	const size_t n = make_prefixes(prefix);
	struct db_gateway *rows = make_gateways();
	struct gateways *gws;
	struct routing *r;
	struct routing_table *t = build(prefix, n);

	look_up(t, prefix, n);
	if (gateways_create(&gws) || routing_create(&r, 1))
		abort();
	apply("gateways: first load of 10,000", gws, rows);
	apply("gateways: nothing changed", gws, rows);
	rows[GATEWAYS / 2].capacity = 31;
	apply("gateways: one row changed", gws, rows);
	for (unsigned i = 0; i < GATEWAYS; i++)
		rows[i].capacity = 40;
	apply("gateways: all rows changed", gws, rows);
	double start = now_ms();
	if (routing_stage(r, GATEWAYS))
		return EXIT_FAILURE;
	routing_commit(r, t, gws, rows);
	printf("%-30s %8.2f ms\n", "routing_commit", now_ms() - start);
	plans(r, prefix, n);
	start = now_ms();
	routing_destroy(r);
	printf("%-30s %8.2f ms\n", "destroy", now_ms() - start);
	mappings();
	gateways_destroy(gws);
	free(rows);
	free(prefix);
	return 0;
}
