/** @file cdr_trouble.h  When is it said that records cannot be written? Private to db/.
 *
 * After a second of it, since a lock is often held for less, then every minute, and when it is over.
 */
#ifndef CDR_TROUBLE_H
#define CDR_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

/** Zeroed: there is none. */
struct cdr_trouble {
	uint64_t since_ms; /* 0 = there is none */
	uint64_t said_ms;  /* last; 0 = not yet */
};

enum cdr_trouble_news { CDR_TROUBLE_SILENT, CDR_TROUBLE_LASTS, CDR_TROUBLE_OVER };

/** @param now_ms  monotonic, not 0 @return what is to be said now */
enum cdr_trouble_news cdr_trouble_look(struct cdr_trouble *t, bool failing, uint64_t now_ms);

#endif
