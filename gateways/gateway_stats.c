#include "gateway_stats.h"

#include <stdbool.h>
#include <stdlib.h>

/*
 * Delays are counted in bins that widen with the value: one per millisecond below 8, then four per power of two;
 * the last one holds everything from 131 s up.
 */
enum { PDD_EXACT = 8, PDD_SUBBINS = 4, PDD_BINS = 64 };

/* The counters of failures: timeout, transport, one for each of stats->code, and all other codes. */
enum { OF_TIMEOUT, OF_TRANSPORT, OF_CODES, OF_OTHER_CODES = OF_CODES + GATEWAY_STATS_CODES, FAILURES };
_Static_assert(FAILURES ==
		sizeof(((struct gateway_stats_figures *)NULL)->failures) /
			sizeof(struct gateway_stats_failures),
	"struct gateway_stats_figures has no room for all kinds of failures");

struct tally {
	uint64_t attempts, answered, effective;
	uint64_t calls, hold_ms; /* answered ones that are over */
	uint64_t pdd[PDD_BINS], failures[FAILURES];
};

struct gateway_stats {
	struct tally total;
	struct {
		uint64_t number; /* of the period the tally belongs to */
		struct tally tally;
	} period[GATEWAY_STATS_PERIODS];
	uint16_t code[GATEWAY_STATS_CODES]; /* those seen first */
	unsigned n_codes;
};

/* Counting ---------------------------------------------------------------------------------- */

static struct gateway_stats *made(struct gateway_stats **stats)
{
	if (!*stats)
		*stats = calloc(1, sizeof(**stats)); /* NULL without memory: nothing is counted */
	return *stats;
}

/* The tally of the current period; one left from an earlier round is cleared. */
static struct tally *present(struct gateway_stats *s, uint64_t now_ms)
{
	const uint64_t number = now_ms / GATEWAY_STATS_PERIOD_MS;
	const unsigned i = (unsigned)(number % GATEWAY_STATS_PERIODS);

	if (s->period[i].number != number)
		s->period[i].tally = (struct tally){0};
	s->period[i].number = number;
	return &s->period[i].tally;
}

static unsigned pdd_bin(uint32_t ms)
{
	unsigned power, bin;

	if (ms < PDD_EXACT)
		return ms;
	power = 31u - (unsigned)__builtin_clz(ms); /* 3 and more */
	bin = PDD_EXACT + (power - 3) * PDD_SUBBINS + (ms >> (power - 2)) % PDD_SUBBINS;
	return bin < PDD_BINS ? bin : PDD_BINS - 1;
}

/* The middle of a bin. */
static int64_t pdd_value(unsigned bin)
{
	unsigned power, width;

	if (bin < PDD_EXACT)
		return bin;
	power = 3 + (bin - PDD_EXACT) / PDD_SUBBINS;
	width = 1u << (power - 2);
	return (1 << power) + (int64_t)((bin - PDD_EXACT) % PDD_SUBBINS * width + width / 2);
}

static bool is_callees_code(int code)
{
	switch (code) {
	case 404:
	case 410:
	case 480:
	case 484:
	case 486:
	case 487:
	case 600:
	case 603:
	case 604:
		return true;
	default:
		return false;
	}
}

static bool is_effective(const struct gateway_result *r)
{
	const bool rang = r->pdd_ms >= 0;

	switch (r->outcome) {
	case GATEWAY_RESULT_ANSWERED:
		return true;
	case GATEWAY_RESULT_REFUSED:
		return is_callees_code(r->sip_code) || (r->sip_code == 408 && rang);
	case GATEWAY_RESULT_TIMEOUT:
	case GATEWAY_RESULT_ABANDONED:
		return rang;
	case GATEWAY_RESULT_TRANSPORT:
		return false;
	}
	return false;
}

static unsigned code_counter(struct gateway_stats *s, int sip_code)
{
	for (unsigned i = 0; i < s->n_codes; i++)
		if (s->code[i] == sip_code)
			return OF_CODES + i;
	if (s->n_codes == GATEWAY_STATS_CODES)
		return OF_OTHER_CODES;
	s->code[s->n_codes] = (uint16_t)sip_code;
	return OF_CODES + s->n_codes++;
}

/* Which counter of failures; -1: it is not a failure. */
static int failure_counter(struct gateway_stats *s, const struct gateway_result *r)
{
	switch (r->outcome) {
	case GATEWAY_RESULT_ANSWERED:
	case GATEWAY_RESULT_ABANDONED:
		return -1;
	case GATEWAY_RESULT_REFUSED:
		return (int)code_counter(s, r->sip_code);
	case GATEWAY_RESULT_TIMEOUT:
		return OF_TIMEOUT;
	case GATEWAY_RESULT_TRANSPORT:
		return OF_TRANSPORT;
	}
	return -1;
}

static void count_result(struct tally *t, const struct gateway_result *r, int failure)
{
	t->attempts++;
	t->answered += r->outcome == GATEWAY_RESULT_ANSWERED;
	t->effective += is_effective(r);
	if (r->pdd_ms >= 0)
		t->pdd[pdd_bin((uint32_t)r->pdd_ms)]++;
	if (failure >= 0)
		t->failures[failure]++;
}

void gateway_stats_on_result(struct gateway_stats **stats, const struct gateway_result *r, uint64_t now_ms)
{
	struct gateway_stats *s = made(stats);
	int failure;

	if (!s)
		return;
	failure = failure_counter(s, r);
	count_result(&s->total, r, failure);
	count_result(present(s, now_ms), r, failure);
}

static void count_call(struct tally *t, uint64_t hold_ms)
{
	t->calls++;
	t->hold_ms += hold_ms;
}

void gateway_stats_on_call_end(struct gateway_stats **stats, uint64_t hold_ms, uint64_t now_ms)
{
	struct gateway_stats *s = made(stats);

	if (!s)
		return;
	count_call(&s->total, hold_ms);
	count_call(present(s, now_ms), hold_ms);
}

void gateway_stats_free(struct gateway_stats *stats)
{
	free(stats);
}

/* Figures ----------------------------------------------------------------------------------- */

static void add(struct tally *sum, const struct tally *t)
{
	sum->attempts += t->attempts;
	sum->answered += t->answered;
	sum->effective += t->effective;
	sum->calls += t->calls;
	sum->hold_ms += t->hold_ms;
	for (unsigned i = 0; i < PDD_BINS; i++)
		sum->pdd[i] += t->pdd[i];
	for (unsigned i = 0; i < FAILURES; i++)
		sum->failures[i] += t->failures[i];
}

static void add_window(struct tally *sum, const struct gateway_stats *s, uint64_t now_ms)
{
	const uint64_t number = now_ms / GATEWAY_STATS_PERIOD_MS;

	for (unsigned i = 0; i < GATEWAY_STATS_PERIODS; i++)
		if (s->period[i].number + GATEWAY_STATS_PERIODS > number)
			add(sum, &s->period[i].tally);
}

/* The delay that this percentage of all does not exceed. */
static int64_t pdd_percentile(const struct tally *t, unsigned percent)
{
	uint64_t all = 0, seen = 0;
	unsigned bin = 0;

	for (unsigned i = 0; i < PDD_BINS; i++)
		all += t->pdd[i];
	if (!all)
		return -1;
	while ((seen += t->pdd[bin]) * 100 < all * percent)
		bin++;
	return pdd_value(bin);
}

static void list_failures(
	const struct gateway_stats *s, const struct tally *t, struct gateway_stats_figures *out)
{
	for (unsigned i = 0; i < FAILURES; i++)
		if (t->failures[i])
			out->failures[out->n_failures++] = (struct gateway_stats_failures){
				.outcome = i == OF_TIMEOUT  ? GATEWAY_RESULT_TIMEOUT
					: i == OF_TRANSPORT ? GATEWAY_RESULT_TRANSPORT
							    : GATEWAY_RESULT_REFUSED,
				.sip_code = i >= OF_CODES && i < OF_OTHER_CODES ? s->code[i - OF_CODES] : 0,
				.count = t->failures[i],
			};
}

static int percent_of(uint64_t part, uint64_t whole)
{
	return whole ? (int)((part * 100 + whole / 2) / whole) : -1;
}

static void fill_figures(
	const struct gateway_stats *s, const struct tally *t, struct gateway_stats_figures *out)
{
	*out = (struct gateway_stats_figures){
		.attempts = t->attempts,
		.answered = t->answered,
		.effective = t->effective,
		.asr_percent = percent_of(t->answered, t->attempts),
		.ner_percent = percent_of(t->effective, t->attempts),
		.acd_ms = t->calls ? (int64_t)(t->hold_ms / t->calls) : -1,
		.pdd_median_ms = pdd_percentile(t, 50),
		.pdd_95_ms = pdd_percentile(t, 95),
	};
	list_failures(s, t, out);
}

void gateway_stats_figures(const struct gateway_stats *stats, uint64_t now_ms,
	struct gateway_stats_figures *window, struct gateway_stats_figures *total)
{
	static const struct gateway_stats nothing;
	const struct gateway_stats *s = stats ? stats : &nothing;
	struct tally sum = {0};

	add_window(&sum, s, now_ms);
	fill_figures(s, &sum, window);
	fill_figures(s, &s->total, total);
}
