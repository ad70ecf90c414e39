/** @file publications.h  What gateways publish of themselves (RFC 3903), each until it ends.
 *
 * A gateway has one publication at most: who publishes last speaks for it, since a gateway that has started again
 * knows nothing of what it said before. A publication that speaks for nobody any more is gone.
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
/** Nobody is told. NULL is fine. */
void publications_destroy(struct publications *set);
size_t publications_count(const struct publications *set);

/** Who speaks: some gateways, all at one address. */
struct publication_publisher {
	struct gateway *const *gateways;
	size_t n; /* at least 1 */
};

/** The publication with this entity-tag that speaks for one of these gateways, or NULL. */
struct publication *publications_find(
	const struct publications *set, const char *etag, const struct publication_publisher *by);

/** What is published. */
struct publication_content {
	const char *etag;             /* fresh; PUBLICATION_ETAG_MAX characters at most */
	enum publication_state state; /* OPEN or CLOSED; NONE = as it was: a refresh */
	uint32_t lifetime_ms;
};
/**
 * Publish for these gateways; they are told.
 *
 * @param p  the publication that is renewed; NULL = a new one, whose state is not NONE
 * @return 0; -ENOMEM: nothing has changed
 */
int publications_put(struct publications *set, struct publication *p, const struct publication_publisher *by,
	const struct publication_content *news, uint64_t now_ms);
/** Its gateways say nothing any more, which is not bad news. */
void publications_remove(struct publications *set, struct publication *p, uint64_t now_ms);

/**
 * End those that were not renewed in time; their gateways are told.
 *
 * @return when the next one ends, monotonic; 0 = there is none
 */
uint64_t publications_expire(struct publications *set, uint64_t now_ms);

/** After gateways_apply(): what gateways that are gone, or are somewhere else now, have published is void. */
void publications_apply(struct publications *set, uint64_t now_ms);

#endif
