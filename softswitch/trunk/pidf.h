/** @file pidf.h  Presence documents (RFC 3863): open or closed? */
#ifndef PIDF_H
#define PIDF_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Read a document of type application/pidf+xml. It is open if one of its tuples is, or if none is `closed`, since
 * whoever publishes is there. Unknown elements are skipped.
 *
 * @return 0; -EINVAL not well-formed, another root element, a basic status that is neither open nor closed, or a
 *         document type declaration (its entities could be used for an attack); -ENOMEM
 */
int pidf_parse(bool *open, const char *data, size_t len);

#endif
