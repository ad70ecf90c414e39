/** @file publications.h  What gateways publish about themselves (RFC 3903).
 *
 * A gateway has at most one publication. The last one counts, because a gateway that was restarted knows nothing about
 * those before. A publication that applies to no gateway any more is removed.
 */
#ifndef PUBLICATIONS_H
#define PUBLICATIONS_H

#include "publication_state.h"

#include <stddef.h>
#include <stdint.h>

struct gateway;
struct publication;
struct publications;

enum { PUBLICATION_ETAG_MAX = 32 };

int publications_create(struct publications **out);
/** No gateway is told. NULL is fine. */
void publications_destroy(struct publications *set);
size_t publications_count(const struct publications *set);

/** The gateways a PUBLISH applies to, all at one address. */
struct publication_publisher {
	struct gateway *const *gateways;
	size_t n; /* at least 1 */
};

/** The publication with this entity-tag that applies to one of these gateways, or NULL. */
struct publication *publications_find(
	const struct publications *set, const char *etag, const struct publication_publisher *by);

/** What is published. */
struct publication_content {
	const char *etag;             /* new; at most PUBLICATION_ETAG_MAX characters */
	enum publication_state state; /* OPEN or CLOSED; NONE = unchanged: a refresh */
	uint32_t lifetime_ms;
};
/**
 * Publish for these gateways; they are told.
 *
 * @param p  the publication that is renewed; NULL = a new one, whose state is not NONE
 * @return 0; -ENOMEM: nothing has changed
 */
int publications_put(struct publications *set, struct publication *p, const struct publication_publisher *by,
	const struct publication_content *content, uint64_t now_ms);
/** Its gateways have no publication any more, which does not mean that they are down. */
void publications_remove(struct publications *set, struct publication *p, uint64_t now_ms);

/**
 * Remove those that were not renewed in time; their gateways are told.
 *
 * @return when the next one expires, monotonic; 0 = there is none
 */
uint64_t publications_expire(struct publications *set, uint64_t now_ms);

/** What becomes of publications when rows change. */
struct publications_changes {
	/** The gateway of this name has no publication any more, or not under this name. */
	void (*on_unnamed)(const char *name, void *arg);
	/** A gateway has a new name, and keeps its publication. */
	void (*on_named)(struct gateway *gw, const struct publication_content *content, void *arg);
	void *arg;
};
/**
 * Follow gateways_commit(): publications of gateways that are gone, have moved, or may publish no more are void; those of
 * renamed gateways go on.
 */
void publications_apply(struct publications *set, const struct publications_changes *h, uint64_t now_ms);

#endif
