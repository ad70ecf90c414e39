/** @file utf8.h  Text from the network as UTF-8, whatever bytes it consists of: tables and JSON must hold valid text. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/** Is it UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF? */
bool utf8_valid(const char *s);

/** Convert it as if its bytes were Latin-1, so that none is lost. @return free() it; NULL without memory */
char *utf8_from_latin1(const char *s);

/** Copy n bytes with the letters of ASCII in lower case, as names of hosts are compared. @param out  room for them and a NUL */
void utf8_lower(char *out, const char *s, size_t n);

#endif
