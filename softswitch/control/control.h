/** @file control.h  JSON-RPC 2.0 on a Unix socket, one JSON object in a line (mode 0660).
 *
 * A line of input has 64 KiB at most; a longer one is answered with an error and the end of the
 * connection. A client that does not read its answers is not read from either, and is let go when it
 * took nothing for 30 s; what waits for it is one answer and 256 KiB at most. Requests without id
 * get no answer; arrays of requests (batches) are refused: a client may write many lines instead.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;
struct event_base;

/** Error codes of JSON-RPC 2.0 section 5.1. */
enum control_code {
	CONTROL_PARSE_ERROR = -32700,
	CONTROL_INVALID_REQUEST = -32600,
	CONTROL_UNKNOWN_METHOD = -32601,
	CONTROL_INVALID_PARAMS = -32602,
	CONTROL_INTERNAL_ERROR = -32603,
};

enum control_type { CONTROL_STRING, CONTROL_INTEGER };

/** One parameter of a method: what is not listed is refused, so handlers need not look. */
struct control_param {
	const char *name; /* NULL ends the list */
	enum control_type type;
	bool required;
	int64_t min, max; /* of an integer; of a string its length in bytes */
};

struct control_error {
	enum control_code code;
	const char *field; /* the parameter that is wrong, NULL = none; borrowed until the answer is made */
	char message[160]; /* UTF-8, without the field's name */
};

/**
 * Answer one request. Runs in the event loop, so it must be quick.
 *
 * @param params  an object that fits the table; never NULL
 * @return the result, given to the caller; NULL with *error filled (left zeroed: internal error)
 */
typedef json_t *control_method_h(const json_t *params, void *arg, struct control_error *error);

struct control_method {
	const char *name; /* NULL ends the table */
	const struct control_param *params;
	control_method_h *handler;
};

/**
 * Listen. A socket file that nobody listens at is replaced, anything else at the path is not.
 *
 * @param methods  borrowed for the life of the control
 * @param arg      passed to the handlers
 * @param error    receives one plain line when the result is not 0
 * @return 0; -EADDRINUSE somebody listens there; -EEXIST something else is there;
 *         -ENAMETOOLONG; -EACCES and the like
 */
int control_create(struct control **out, struct event_base *base, const char *path,
	const struct control_method *methods, void *arg, char *error, size_t error_size);
/** Ends all connections and removes the socket file, if it is still ours. NULL is fine. */
void control_destroy(struct control *c);

/** A parameter that may be absent. */
const char *control_string(const json_t *params, const char *name, const char *fallback);
int64_t control_integer(const json_t *params, const char *name, int64_t fallback);

#endif
