/** @file db_config.h  Reads softswitch.db: parameters, gateways, routes, mapping gateways, registrations. */
#ifndef DB_CONFIG_H
#define DB_CONFIG_H

#include "db.h"
#include "parameters.h"

#include <stddef.h>

/** A per-gateway On/Off that may be NULL in the table: the parameter decides then. */
enum db_override { DB_INHERIT, DB_OFF, DB_ON };

/** One row of `gateway`. Strings are never NULL ("" instead) unless said. */
struct db_gateway {
	const char *name;
	const char *host;      /* IPv4, IPv6 (no brackets) or a name to resolve */
	const char *transport; /* "udp", "tcp", "tls"; "" = as NAPTR/SRV says, else udp */
	uint16_t port;         /* 0 = by SRV, else 5060 (TLS 5061) */
	bool enabled;
	uint32_t capacity; /* calls at a time, 0 = unlimited */
	uint32_t cps;      /* new calls per second, 0 = unlimited */
	uint32_t timeout_invite_ms, timeout_trying_ms, timeout_session_progress_ms,
		timeout_session_progress_sdp_ms, timeout_ringing_ms; /* 0 = parameter */
	bool has_resend;
	struct resend_schedule resend; /* when has_resend */
	enum db_override switch_stop_after_invite_timeout, switch_stop_after_sdp, switch_until_connect,
		switch_stop_after_user_busy;
	bool has_stop_codes;
	struct stop_codes switch_stop_codes; /* when has_stop_codes */
	const char *auth_user, *auth_password;
	const char *registration; /* name of the one it belongs to, "" = none */
	bool draining;            /* no new calls */
	bool options_check;       /* is it probed? */
	bool has_options_alive_codes;
	struct stop_codes options_alive_codes; /* when has_options_alive_codes; else all but 408, 503 */
	bool has_breaker_on;
	struct breaker_on breaker_on; /* when has_breaker_on */
	enum db_override session_timer;
	bool has_100rel;
	enum db_100rel sip_100rel;     /* when has_100rel */
	uint32_t max_call_duration_ms; /* 0 = parameter */
	bool sdp_own_origin;           /* our own o= and s= lines in its calls' session descriptions */
};

/** One row of `mapping_gateway`: a customer's trunk, known by its source address. */
struct db_mapping_gateway {
	const char *name;
	const char *host; /* IPv4 or IPv6 address or CIDR block */
	uint16_t port;    /* 0 = any */
	bool enabled;
	uint32_t capacity, cps;
	enum db_override session_timer;
	bool has_100rel;
	enum db_100rel sip_100rel;     /* when has_100rel */
	uint32_t max_call_duration_ms; /* 0 = parameter */
};

/** One row of `registration`: our account at a registrar (behaviour.md section 5). */
struct db_registration {
	const char *name;
	const char *host;      /* the registrar: IPv4, IPv6 (no brackets) or a name to resolve */
	const char *transport; /* as db_gateway's */
	uint16_t port;         /* as db_gateway's */
	const char *
		proxy; /* where REGISTER is really sent: host, host:port, [IPv6], [IPv6]:port, IPv6; "" = host */
	uint16_t local_port;   /* of the listener to send from, 0 = any */
	const char *user;      /* of the address of record */
	const char *auth_user; /* the user where NULL or empty in the table */
	const char *password;
	const char
		*realm; /* domain of the address of record and realm of the challenge; "" = host, any realm */
	const char *contact_host; /* "" = the address of the listener */
	uint32_t expiry_s;        /* 0 = parameter */
	bool enabled;
	const char *line; /* random hexadecimal digits for our Contact, the same for ever */
};

/** One row of `route`, gateway given as the index into db_config.gateways of the same load. */
struct db_route {
	const char *prefix; /* "" matches everything */
	uint32_t gateway;
	uint16_t priority; /* smallest first */
	uint16_t weight;   /* 0 = not set */
	bool carry_through;
	bool enabled;
};

/** What softswitch.db holds but for the routes, read in one transaction. */
struct db_config {
	struct parameters parameters;
	struct db_gateway *gateway;
	size_t n_gateways;
	struct db_mapping_gateway *mapping_gateway;
	size_t n_mapping_gateways;
	struct db_registration *registration; /* in order of name */
	size_t n_registrations;
	int64_t routes_revision; /* changes when a row of `route` or the set of gateway names changed */
};

/** Called for each route in order of prefix (binary order of its bytes), priority. @return 0 to go on, -errno to stop */
typedef int db_route_h(const struct db_route *row, void *arg);

/**
 * Read the configuration, and the routes when their revision is not `known_routes_revision`
 * (pass -1 to read them always). All of it is one consistent snapshot.
 *
 * @param on_route  called for each route; not at all when the revision is the known one
 * @return 0; -EBUSY while another process holds the file; -EIO with *out untouched
 */
int db_config_load(struct db *db, int64_t known_routes_revision, db_route_h *on_route, void *arg,
	struct db_config **out);
void db_config_free(struct db_config *config);

#endif
