/** @file resolver_dns.h  DNS queries by c-ares on libevent. For the resolver's own modules. */
#ifndef RESOLVER_DNS_H
#define RESOLVER_DNS_H

#include <netinet/in.h>
#include <stdint.h>

struct event_base;
struct resolver_dns;

enum { RESOLVER_DNS_RECORDS_MAX = 32 }; /* of one reply; the rest is ignored */

/** Record types by their numbers (RFC 1035, 2782, 3403, 3596). */
enum resolver_dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

/** One record; the type of the query says which member is set. */
struct resolver_dns_record {
	union {
		struct in_addr a;
		struct in6_addr aaaa;
		struct {
			uint16_t priority, weight, port;
			const char *target;
		} srv;
		struct {
			uint16_t order, preference;
			const char *flags, *service, *replacement;
		} naptr;
	} u;
};

/** The reply; valid during the handler. */
struct resolver_dns_reply {
	uint32_t ttl_s; /* the shortest of all records, aliases included */
	unsigned n;     /* 1 to RESOLVER_DNS_RECORDS_MAX */
	const struct resolver_dns_record *record;
};

/**
 * Called once per query, possibly from within resolver_dns_ask().
 *
 * @param error  0; -ENOENT no such record; one of resolver_error.h; -EIO; -ENOMEM; -ECANCELED by
 *               resolver_dns_destroy()
 * @param reply  NULL unless error is 0
 */
typedef void resolver_dns_h(int error, const struct resolver_dns_reply *reply, void *arg);

/** As resolver_create(). */
int resolver_dns_create(struct resolver_dns **out, struct event_base *base, const char *servers);
/** Pending queries end with -ECANCELED. NULL is fine. */
void resolver_dns_destroy(struct resolver_dns *dns);

/** Query one name for one type of record. */
void resolver_dns_ask(struct resolver_dns *dns, const char *name, enum resolver_dns_type type,
	resolver_dns_h *on_reply, void *arg);

/**
 * Look the name up in the system's hosts file.
 *
 * @param family  AF_INET or AF_INET6
 * @param out     room for max records
 * @return how many were found, 0 when the name is not in the file
 */
unsigned resolver_dns_hosts_file(struct resolver_dns *dns, const char *name, int family,
	struct resolver_dns_record *out, unsigned max);

#endif
