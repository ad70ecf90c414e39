/** @file pidf.h  Presence documents (RFC 3863): is anybody reachable there? */
#ifndef PIDF_H
#define PIDF_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Read a document of type application/pidf+xml. It is open when one of its tuples is, or when none says `closed`:
 * who publishes is there. Of elements that are not ours nothing is kept.
 *
 * @return 0; -EINVAL no such document: not well-formed, another root, a basic status that is neither open nor
 *         closed, or with a document type declaration, whose entities nobody needs here; -ENOMEM
 */
int pidf_parse(bool *open, const char *data, size_t len);

#endif
