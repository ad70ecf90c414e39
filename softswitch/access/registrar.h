/** @file registrar.h  REGISTER of endpoints (RFC 3261 section 10): who may, for how long, and what is answered. */
#ifndef REGISTRAR_H
#define REGISTRAR_H

#include "stack.h"

struct callers;
struct location;
struct login;
struct registrar;

/** All borrowed. */
struct registrar_parts {
	struct stack *stack;
	struct location *location;
	struct login *login;
	const struct callers *callers;
};
int registrar_create(struct registrar **out, const struct registrar_parts *parts);
/** NULL is fine. */
void registrar_destroy(struct registrar *r);

/** Answer a REGISTER. */
void registrar_on_request(struct registrar *r, const struct received *rx);

#endif
