/** @file control_request.h  One line of JSON-RPC 2.0 in, one answer out. For control only. */
#ifndef CONTROL_REQUEST_H
#define CONTROL_REQUEST_H

#include "control.h"

/**
 * @param line  n bytes and a NUL behind them
 * @return the answer, the caller's; NULL when there is none to give (notification, blank line)
 */
json_t *control_answer(const struct control_method *methods, void *arg, const char *line, size_t n);

/** An error as answer. @param id  of the request; NULL, and what cannot be an id, make it null */
json_t *control_error_reply(const json_t *id, const struct control_error *e);

#endif
