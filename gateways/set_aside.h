/** @file set_aside.h  Servers of one name that answered 503 with Retry-After: none of them is asked before its time is over.
 *
 * A name can stand for several servers (RFC 3263 section 4.3), and one that is busy says nothing about the others.
 */
#ifndef SET_ASIDE_H
#define SET_ASIDE_H

#include <stdint.h>

struct set_aside;
struct sockaddr;

enum { SET_ASIDE_MIN_S = 1, SET_ASIDE_MAX_S = 120 };

/** A Retry-After as it is obeyed, s. */
uint32_t set_aside_clamp_s(uint32_t seconds);

/**
 * Set a server aside. Of two waits in force the one that ends later counts, since answers can overtake each other. Of
 * more servers than a name is resolved to, the one whose time is over first makes room.
 *
 * @param set      NULL when there is none yet; free() it. Out of memory nothing is kept
 * @param seconds  of Retry-After; clamped
 */
void set_aside_add(struct set_aside **set, const struct sockaddr *server, uint32_t seconds, uint64_t now_ms);
/** @return ms until the server may be asked again; 0 = now. @param set  may be NULL */
uint32_t set_aside_left_ms(const struct set_aside *set, const struct sockaddr *server, uint64_t now_ms);

#endif
