/** @file uri.h  The addresses that a peer gives for itself and its proxies: Contact, Record-Route, Service-Route.
 *
 * They go back byte for byte, because a reserved character and its escape are not the same (RFC 3261 section 19.1.4), and
 * the library's parser unescapes. It only says what the parts mean.
 */
#ifndef URI_H
#define URI_H

#include "resolver_types.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/url.h>

#include <stdbool.h>
#include <stddef.h>

struct scan;

enum { URI_MAX = 2048 };

/** A sip or sips URI that may stand in a Request-URI or Route: it has no headers and no method any more (section 19.1.1). */
struct uri {
	char text[URI_MAX];
	url_t parts; /* unescaped; its strings are in bytes */
	char bytes[URI_MAX];
};

/** The URIs of header fields of one name, in their order. Begin with the first header and 0. */
struct uri_list {
	const void *header; /* sip_contact_t, sip_route_t, sip_from_t, ... */
	size_t from;        /* in its value */
};
/** @param text  the next one as it came. @return false behind the last */
bool uri_list_next(struct uri_list *list, struct scan *text);

/** @return 0; -EINVAL when it is of another scheme, its port is none, or it must not be used: message_uri_is_usable(); -EMSGSIZE */
int uri_read(struct uri *out, const struct scan *text);
/** Read the first of a list that can be used. @return false if there is none */
bool uri_read_first(struct uri *out, const void *header);

/** @return whether it has the parameter lr */
bool uri_is_loose(const struct uri *uri);

/** Room for the transport and maddr of a target. */
enum { URI_MADDR_MAX = 256 };
/**
 * What RFC 3263 section 4 has to find for this URI: maddr, else its host; its port, 0 without; its transport, "" without.
 *
 * @param maddr  room; the target borrows from this and from the URI
 * @return 0; -EPROTONOSUPPORT for a transport that we do not know
 */
int uri_target(const struct uri *uri, char maddr[URI_MADDR_MAX], struct resolver_target *out);

#endif
