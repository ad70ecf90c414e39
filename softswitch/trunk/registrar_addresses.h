/** @file registrar_addresses.h  The addresses of a registrar behind a proxy: REGISTER never goes there, but calls may come from there. */
#ifndef REGISTRAR_ADDRESSES_H
#define REGISTRAR_ADDRESSES_H

#include "resolver.h"

#include <stdbool.h>

struct db_registration;

/**
 * Where REGISTER is sent: the proxy of the row, or else its registrar.
 *
 * @param proxy  room for its host
 */
enum { REGISTRAR_ADDRESSES_PROXY_MAX = 300 };
struct resolver_target registrar_addresses_target(
	const struct db_registration *row, char proxy[REGISTRAR_ADDRESSES_PROXY_MAX]);

/** Zeroed = none. */
struct registrar_addresses {
	struct resolver_query *query;
	struct resolver_answer found; /* n = 0: none is known */
};

/**
 * Look them up, in the background; what was found before stays until then, and if nothing is found. Without a proxy there
 * are none.
 */
void registrar_addresses_learn(
	struct registrar_addresses *a, struct resolver *resolver, const struct db_registration *row);
void registrar_addresses_clear(struct registrar_addresses *a);

#endif
