/** @file json_text.h  Text from the network as a JSON string, whatever its bytes are. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include "text.h"

#include <jansson.h>

/**
 * UTF-8 is kept; anything else is read as Latin-1, so that no byte is lost.
 *
 * @param s  NULL counts as ""
 * @return a JSON string, owned by the caller; NULL when out of memory
 */
json_t *json_text(const char *s);
/** Add it as json_text() reads it, in quotes. What jansson cannot write is left out, as "". */
void json_text_add(struct text *t, const char *s);

#endif
