#define HASH_NONFATAL_OOM 1

#include "strangers.h"

#include "address_key.h"

#include <sys/queue.h>
#include <uthash.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_AGAIN_MS = 3600000, LOG_PERIOD_MS = 60000, LOG_LINES = 10 };

/** Without padding, because its bytes are hashed. */
struct key {
	struct address_key address;
	uint32_t reason;
};
_Static_assert(sizeof(struct key) == sizeof(struct address_key) + sizeof(uint32_t), "key has padding");

struct row {
	UT_hash_handle hh;
	TAILQ_ENTRY(row) link;
	struct key key;
	bool logged;
	uint64_t logged_ms;
	struct strangers_entry entry;
};

struct strangers {
	strangers_hash_h *hash;
	struct row *by_key;
	TAILQ_HEAD(rows, row) rows; /* the one seen last first */
	uint64_t total[STRANGERS_REASONS];
	uint64_t period_ms; /* the minute of log lines began */
	unsigned lines, unlogged;
};

const char *strangers_reason_name(enum strangers_reason reason)
{
	static const char *const names[STRANGERS_REASONS] = {
		[STRANGERS_UNKNOWN_SOURCE] = "unknown source",
		[STRANGERS_MALFORMED] = "malformed",
		[STRANGERS_UNREADABLE_HEADER] = "unreadable header",
		[STRANGERS_NO_TRANSACTION] = "no such transaction",
		[STRANGERS_OTHER_SOURCE] = "other source",
		[STRANGERS_STRICT_SOURCE] = "strict source",
		[STRANGERS_WEAKER_TRANSPORT] = "weaker transport",
		[STRANGERS_NOT_THE_REGISTRAR] = "not the registrar",
		[STRANGERS_TOO_MANY_CALLS] = "too many calls",
		[STRANGERS_WRONG_PASSWORD] = "wrong password",
		[STRANGERS_UNKNOWN_USER] = "unknown user",
		[STRANGERS_SUSPENDED] = "suspended",
		[STRANGERS_LOOP] = "loop",
		[STRANGERS_MERGED] = "merged",
	};

	return names[reason];
}

int strangers_create(struct strangers **out, strangers_hash_h *hash)
{
	struct strangers *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->hash = hash;
	TAILQ_INIT(&set->rows);
	*out = set;
	return 0;
}

static void row_free(struct strangers *set, struct row *row)
{
	HASH_DEL(set->by_key, row); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
	TAILQ_REMOVE(&set->rows, row, link);
	free(row);
}

void strangers_destroy(struct strangers *set)
{
	struct row *row, *next;

	if (!set)
		return;
	for (row = TAILQ_FIRST(&set->rows); row; row = next) {
		next = TAILQ_NEXT(row, link);
		row_free(set, row);
	}
	free(set);
}

/** @return NULL without memory */
static struct row *find_or_add(struct strangers *set, const struct key *key)
{
	const unsigned hash = (unsigned)set->hash(key, sizeof(*key));
	struct row *row;

	HASH_FIND_BYHASHVALUE(hh, set->by_key, key, sizeof(*key), hash, row);
	if (row)
		return row;
	if (HASH_COUNT(set->by_key) == STRANGERS_MAX)
		row_free(set, TAILQ_LAST(&set->rows, rows));
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->key = *key;
	HASH_ADD_BYHASHVALUE(hh, set->by_key, key, sizeof(row->key), hash, row);
	if (!row->hh.tbl) {
		free(row);
		return NULL;
	}
	TAILQ_INSERT_HEAD(&set->rows, row, link);
	return row;
}

/** A cut in the middle of a UTF-8 sequence is left to whoever prints it. */
static void set_text(char out[STRANGERS_TEXT_MAX], const char *text)
{
	snprintf(out, STRANGERS_TEXT_MAX, "%s", text ? text : "");
}

static void note(struct strangers_entry *e, const struct strangers_event *event, uint64_t now_ms)
{
	if (!e->count)
		e->first_ms = now_ms;
	e->last_ms = now_ms;
	e->count++;
	e->reason = event->reason;
	memcpy(&e->source, event->source,
		event->source->sa_family == AF_INET6 ? sizeof(e->source.v6) : sizeof(e->source.v4));
	e->transport = event->transport;
	set_text(e->method, event->method);
	set_text(e->user, event->user);
	set_text(e->name, event->name);
}

static bool has_line(struct strangers *set, uint64_t now_ms)
{
	if (!set->lines || now_ms - set->period_ms >= LOG_PERIOD_MS) {
		set->period_ms = now_ms;
		set->lines = 0;
	}
	if (set->lines == LOG_LINES)
		return false;
	set->lines++;
	return true;
}

static bool is_due(struct strangers *set, struct row *row, uint64_t now_ms, unsigned *unlogged)
{
	if (row->logged && now_ms - row->logged_ms < LOG_AGAIN_MS)
		return false;
	row->logged = true;
	row->logged_ms = now_ms;
	if (!has_line(set, now_ms)) {
		set->unlogged++;
		return false;
	}
	*unlogged = set->unlogged;
	set->unlogged = 0;
	return true;
}

bool strangers_count(
	struct strangers *set, const struct strangers_event *event, uint64_t now_ms, unsigned *unlogged)
{
	struct key key = {.reason = event->reason};
	struct row *row;

	set->total[event->reason]++;
	if (!address_key(&key.address, event->source))
		return false;
	key.address.port = 0;
	row = find_or_add(set, &key);
	if (!row)
		return false;
	TAILQ_REMOVE(&set->rows, row, link);
	TAILQ_INSERT_HEAD(&set->rows, row, link);
	note(&row->entry, event, now_ms);
	return is_due(set, row, now_ms, unlogged);
}

uint64_t strangers_total(const struct strangers *set, enum strangers_reason reason)
{
	return set->total[reason];
}

void strangers_each(
	const struct strangers *set, void (*h)(const struct strangers_entry *entry, void *arg), void *arg)
{
	const struct row *row;

	TAILQ_FOREACH (row, &set->rows, link)
		h(&row->entry, arg);
}
