/** @file address.h  Socket addresses (IPv4 and IPv6) and their text. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

socklen_t address_length(const struct sockaddr *sa);
/** In host order. */
uint16_t address_port(const struct sockaddr *sa);
/** @param port  in network order, as address_parse_port() gives it */
void address_set_port(struct sockaddr *sa, uint16_t port);
/** "192.0.2.1", "2001:db8::1" */
enum { ADDRESS_HOST_MAX = INET6_ADDRSTRLEN };
void address_host(const struct sockaddr *sa, char out[ADDRESS_HOST_MAX]);
/** "192.0.2.1:5060", "[2001:db8::1]:5060" */
enum { ADDRESS_NAME_MAX = 64 };
void address_name(const struct sockaddr *sa, char out[ADDRESS_NAME_MAX]);
bool address_same_host(const struct sockaddr *a, const struct sockaddr *b);
/** The host as bytes, for a key or a hash; an IPv4 address as IPv6 maps it (RFC 4291 section 2.5.5.2). */
enum { ADDRESS_BYTES = 16 };
void address_bytes(const struct sockaddr *sa, unsigned char out[ADDRESS_BYTES]);
/** The same for all hosts that may be one and the same: of IPv6 the first 64 bits. */
void address_network(const struct sockaddr *sa, unsigned char out[ADDRESS_BYTES]);

/** A host (IPv6 without brackets) and port as a URI has them; no port when that is 0. */
enum { ADDRESS_HOST_PORT_MAX = 264 };
void address_host_port(char out[ADDRESS_HOST_PORT_MAX], const char *host, uint16_t port);
/** The port of a URI or Via in network order; the fallback when it has none or nonsense. */
uint16_t address_parse_port(const char *text, uint16_t fallback);

#endif
