/** @file control.h  JSON-RPC 2.0: one line in, one answer out, by a table of methods.
 *
 * A request without an id gets no answer. Batches (arrays of requests) are refused: a client may write many lines
 * instead.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Error codes of JSON-RPC 2.0 section 5.1. */
enum control_code {
	CONTROL_PARSE_ERROR = -32700,
	CONTROL_INVALID_REQUEST = -32600,
	CONTROL_UNKNOWN_METHOD = -32601,
	CONTROL_INVALID_PARAMS = -32602,
	CONTROL_INTERNAL_ERROR = -32603,
	CONTROL_REFUSED = -32000, /* of ours: valid, but not now */
	CONTROL_LATER = 1,        /* no error: control_socket_answer() will bring the answer */
};

enum control_type { CONTROL_STRING, CONTROL_INTEGER };

/** One parameter of a method. What a method does not list is refused before its handler runs. */
struct control_param {
	const char *name; /* NULL ends the list */
	enum control_type type;
	bool required;
	int64_t min, max; /* the range of an integer, the length of a string in bytes */
};

/** Why a request was refused. */
struct control_error {
	enum control_code code;
	const char *field;  /* the parameter at fault or NULL; borrowed until the answer is built */
	char message[1024]; /* UTF-8, without the field's name */
};

/**
 * Answer one request. Runs in the event loop, so it must be quick.
 *
 * @param params  an object already checked against the method's table; never NULL
 * @return the result, owned by the caller; NULL with *error filled in (left zeroed: internal error)
 */
typedef json_t *control_method_h(const json_t *params, void *arg, struct control_error *error);

/** A method and the parameters it takes. */
struct control_method {
	const char *name; /* NULL ends the table */
	const struct control_param *params;
	control_method_h *handler;
};

/**
 * Handle one line of input.
 *
 * @param methods  the table, ended by a NULL name; arg is passed to its handlers
 * @param line     n bytes followed by a NUL
 * @param later    receives the id of a request that is answered later, owned by the caller; else it stays
 * @return the answer, owned by the caller; NULL when there is none to give (notification, blank line, later)
 */
json_t *control_answer(
	const struct control_method *methods, void *arg, const char *line, size_t n, json_t **later);

/** The answer to the request with this id. @param result_take  NULL: the error counts */
json_t *control_reply(const json_t *id, json_t *result_take, const struct control_error *e);

/** Build an error response. @param id  the request's; NULL or not a valid id: the response has a null id */
json_t *control_error_reply(const json_t *id, const struct control_error *e);

/** The value of a parameter, or the fallback when the request does not have it. */
const char *control_string(const json_t *params, const char *name, const char *fallback);
int64_t control_integer(const json_t *params, const char *name, int64_t fallback);

#endif
