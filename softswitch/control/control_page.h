/** @file control_page.h  One page of a longer list. */
#ifndef CONTROL_PAGE_H
#define CONTROL_PAGE_H

#include "control.h"

/* A page of this size holds up the loop for about 10 ms; longer lists take several requests. */
enum { CONTROL_PAGE_DEFAULT = 100, CONTROL_PAGE_MAX = 2000 };

/** limit and offset */
extern const struct control_param control_page_params[];

struct control_page {
	uint64_t offset, limit, seen; /* seen: entries so far, on the page or not */
	json_t *entries;
};
struct control_page control_page_begin(const json_t *params);
/** Count the next entry. @return whether it is on the page */
bool control_page_takes(struct control_page *page);

#endif
