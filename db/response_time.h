/** @file response_time.h  How fast a peer answers, smoothed (RFC 6298 section 2): what the schedule `auto` is made of.
 *
 * Shared by the row and by everything that is under way to the peer: a counted object. NULL stands for one of which
 * nothing is known and nothing is learnt.
 */
#ifndef RESPONSE_TIME_H
#define RESPONSE_TIME_H

#include <stdint.h>

struct response_time;

/** That of a row, made when it is first asked for. @return NULL when memory is short */
struct response_time *response_time_of(struct response_time **row);
struct response_time *response_time_ref(struct response_time *t);
void response_time_unref(struct response_time *t);

/** A message that was sent once was answered after so long (Karn: of one that was sent again nobody knows which copy). */
void response_time_learn(struct response_time *t, uint64_t ms);
/** @return ms; 0 = not known */
uint32_t response_time_ms(const struct response_time *t);

#endif
