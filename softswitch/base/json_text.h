/** @file json_text.h  Text from the network as a JSON string, whatever its bytes are. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <jansson.h>

/** UTF-8 stays; anything else is taken for Latin-1, so that no byte is lost. NULL counts as "". @return NULL only without memory */
json_t *json_text(const char *s);

#endif
