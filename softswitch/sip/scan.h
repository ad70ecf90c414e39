/** @file scan.h  A first look at the bytes of a message, before it costs a parser.
 *
 * Reads what it is asked for and believes nothing: a message that it does not understand is nobody's INVITE.
 */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct scan {
	const char *data;
	size_t n;
};

/** Is it a request of this method? @param method  in capitals */
bool scan_is_request(const struct scan *s, const char *method);
/** Does the Request-URI begin so? */
bool scan_uri_begins(const struct scan *s, const char *text);

/**
 * The next header, with its name and the lines folded onto it.
 *
 * @param from  where to look, moved behind what was found; begin with 0
 */
bool scan_line(const struct scan *s, size_t *from, struct scan *line);
/** The value of that header, if it has this name. @param compact  its short form; 0 = none */
bool scan_value(const struct scan *line, const char *name, char compact, struct scan *value);
/**
 * The value of the next header of this name, folded lines included.
 *
 * @param compact  its short form; 0 = none
 * @param from     where to look, moved behind what was found; begin with 0
 */
bool scan_header(const struct scan *s, const char *name, char compact, size_t *from, struct scan *value);
/** The sent-by of the first Via of a value. @param port  empty without one */
bool scan_sent_by(const struct scan *via, struct scan *host, struct scan *port);
/** The value of a parameter of a header's value, of the first in a list; if it stands there twice the last, as the parser has it. */
bool scan_parameter(const struct scan *value, const char *name, struct scan *out);
/**
 * The URI of the next address in a value: what stands in angle brackets, without them; otherwise parameters belong to the
 * header (RFC 3261 section 20.10).
 *
 * @param from  where to look, moved behind that address; begin with 0
 */
bool scan_address(const struct scan *value, size_t *from, struct scan *uri);

#endif
