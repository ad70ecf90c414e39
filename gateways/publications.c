#define HASH_NONFATAL_OOM 1

#include "publications.h"

#include "gateway.h"

#include <uthash.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/** A gateway and its publication. */
struct subject {
	struct gateway *gateway; /* the key */
	char *name;              /* its name when publications_apply() last looked */
	struct publication *publication;
	LIST_ENTRY(subject) link; /* in the publication's list */
	UT_hash_handle hh;
};

struct publication {
	char etag[PUBLICATION_ETAG_MAX + 1];
	enum publication_state state;
	uint64_t expires_ms;
	LIST_HEAD(, subject) subjects; /* never empty after publications_put() */
	TAILQ_ENTRY(publication) next;
};

struct publications {
	struct subject *by_gateway;
	TAILQ_HEAD(publication_list, publication) by_expiry; /* the first to expire is first */
	size_t n;
};

int publications_create(struct publications **out)
{
	struct publications *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	TAILQ_INIT(&set->by_expiry);
	*out = set;
	return 0;
}

size_t publications_count(const struct publications *set)
{
	return set->n;
}

/* Subjects ---------------------------------------------------------------------------------- */

static struct subject *find_subject(const struct publications *set, struct gateway *gw)
{
	struct subject *s;

	HASH_FIND_PTR(set->by_gateway, &gw, s);
	return s;
}

/** A new one has no publication yet. */
static struct subject *need_subject(struct publications *set, struct gateway *gw)
{
	struct subject *s = find_subject(set, gw);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->gateway = gw;
	s->name = strdup(gateway_name(gw));
	if (s->name)
		HASH_ADD_PTR(set->by_gateway, gateway, s);
	if (s->hh.tbl) {
		gateway_ref(gw);
		return s;
	}
	free(s->name);
	free(s);
	return NULL;
}

static void subject_free(struct publications *set, struct subject *s)
{
	assert(set->by_gateway);
	HASH_DEL(set->by_gateway, s);
	gateway_unref(s->gateway);
	free(s->name);
	free(s);
}

/** Create a subject for each gateway, so that nothing can fail afterwards. */
static bool reserve(struct publications *set, const struct publication_publisher *by)
{
	size_t i = 0;

	while (i < by->n && need_subject(set, by->gateways[i]))
		i++;
	if (i == by->n)
		return true;
	while (i-- > 0) {
		struct subject *s = find_subject(set, by->gateways[i]);

		if (s && !s->publication)
			subject_free(set, s);
	}
	return false;
}

/* Publications ------------------------------------------------------------------------------ */

static void publication_free(struct publications *set, struct publication *p)
{
	TAILQ_REMOVE(&set->by_expiry, p, next);
	set->n--;
	free(p);
}

/** It ends; its gateways are told this last state. */
static void end(struct publications *set, struct publication *p, enum publication_state last, uint64_t now_ms)
{
	for (struct subject *s = LIST_FIRST(&p->subjects), *next; s; s = next) {
		next = LIST_NEXT(s, link);
		gateway_on_publication(s->gateway, last, now_ms);
		subject_free(set, s);
	}
	publication_free(set, p);
}

/** From now on p is its publication. */
static void take_over(struct publications *set, struct subject *s, struct publication *p)
{
	struct publication *before = s->publication;

	if (before)
		LIST_REMOVE(s, link);
	s->publication = p;
	LIST_INSERT_HEAD(&p->subjects, s, link);
	if (before && LIST_EMPTY(&before->subjects))
		publication_free(set, before);
}

/** Most have the same lifetime, so the right place is near the end. */
static void insert_by_expiry(struct publications *set, struct publication *p)
{
	struct publication *before = TAILQ_LAST(&set->by_expiry, publication_list);

	while (before && before->expires_ms > p->expires_ms)
		before = TAILQ_PREV(before, publication_list, next);
	if (before)
		TAILQ_INSERT_AFTER(&set->by_expiry, before, p, next);
	else
		TAILQ_INSERT_HEAD(&set->by_expiry, p, next);
}

struct publication *publications_find(
	const struct publications *set, const char *etag, const struct publication_publisher *by)
{
	for (size_t i = 0; i < by->n; i++) {
		const struct subject *s = find_subject(set, by->gateways[i]);

		if (s && !strcmp(s->publication->etag, etag))
			return s->publication;
	}
	return NULL;
}

int publications_put(struct publications *set, struct publication *p, const struct publication_publisher *by,
	const struct publication_content *content, uint64_t now_ms)
{
	struct publication *fresh = p ? NULL : calloc(1, sizeof(*fresh));

	if ((!p && !fresh) || !reserve(set, by)) {
		free(fresh);
		return -ENOMEM;
	}
	if (fresh) {
		p = fresh;
		LIST_INIT(&p->subjects);
		set->n++;
	} else {
		TAILQ_REMOVE(&set->by_expiry, p, next);
	}
	snprintf(p->etag, sizeof(p->etag), "%s", content->etag);
	if (content->state != PUBLICATION_STATE_NONE)
		p->state = content->state;
	p->expires_ms = now_ms + content->lifetime_ms;
	insert_by_expiry(set, p);
	for (size_t i = 0; i < by->n; i++) {
		take_over(set, find_subject(set, by->gateways[i]), p);
		gateway_on_publication(by->gateways[i], p->state, now_ms);
	}
	return 0;
}

void publications_remove(struct publications *set, struct publication *p, uint64_t now_ms)
{
	end(set, p, PUBLICATION_STATE_NONE, now_ms);
}

uint64_t publications_expire(struct publications *set, uint64_t now_ms)
{
	struct publication *p = TAILQ_FIRST(&set->by_expiry), *next;

	for (; p && p->expires_ms <= now_ms; p = next) {
		next = TAILQ_NEXT(p, next);
		end(set, p, PUBLICATION_STATE_EXPIRED, now_ms);
	}
	return p ? p->expires_ms : 0;
}

/** Is the gateway's row gone, may it publish no more, or was its publication forgotten because it has moved? */
static bool is_void(const struct subject *s, uint64_t now_ms)
{
	return !gateway_row(s->gateway)->publish ||
		gateway_check(s->gateway, now_ms) == GATEWAY_VERDICT_REMOVED ||
		gateway_publication(s->gateway) == PUBLICATION_STATE_NONE;
}

static bool is_renamed(const struct subject *s)
{
	return strcmp(s->name, gateway_name(s->gateway)) != 0;
}

static void withdraw(struct publications *set, struct subject *s, uint64_t now_ms)
{
	struct publication *p = s->publication;

	gateway_on_publication(s->gateway, PUBLICATION_STATE_NONE, now_ms);
	LIST_REMOVE(s, link);
	subject_free(set, s);
	if (LIST_EMPTY(&p->subjects))
		publication_free(set, p);
}

/** Without memory it is asked for again the next time. */
static void follow_name(struct subject *s, const struct publications_changes *h, uint64_t now_ms)
{
	const struct publication *p = s->publication;
	const struct publication_content content = {.etag = p->etag,
		.state = p->state,
		.lifetime_ms = p->expires_ms > now_ms ? (uint32_t)(p->expires_ms - now_ms) : 0};
	char *name = strdup(gateway_name(s->gateway));

	if (!name)
		return;
	free(s->name);
	s->name = name;
	h->on_named(s->gateway, &content, h->arg);
}

/* Two may have exchanged their names, so no name is given before all are free. */
void publications_apply(struct publications *set, const struct publications_changes *h, uint64_t now_ms)
{
	struct subject *s, *next;

	HASH_ITER (hh, set->by_gateway, s, next) {
		const bool ends = is_void(s, now_ms);

		if (ends || is_renamed(s))
			h->on_unnamed(s->name, h->arg);
		if (ends)
			withdraw(set, s, now_ms);
	}
	HASH_ITER (hh, set->by_gateway, s, next)
		if (is_renamed(s))
			follow_name(s, h, now_ms);
}

void publications_destroy(struct publications *set)
{
	if (!set)
		return;
	for (struct publication *p = TAILQ_FIRST(&set->by_expiry), *next; p; p = next) {
		next = TAILQ_NEXT(p, next);
		for (struct subject *s = LIST_FIRST(&p->subjects), *after; s; s = after) {
			after = LIST_NEXT(s, link);
			subject_free(set, s);
		}
		free(p);
	}
	free(set);
}
