/** @file db_mapping_gateway.h  One row of `mapping_gateway`: a customer's trunk, known by its source address. */
#ifndef DB_MAPPING_GATEWAY_H
#define DB_MAPPING_GATEWAY_H

#include "db_table.h"

/*
 * host                  IPv4 or IPv6 address, or a block of them
 * port                  0 = any
 * capacity, cps         calls at a time, new calls per second; 0 = unlimited
 * max_call_duration_ms  0 = the parameter
 * strict_source, tls_*  as those of struct db_gateway
 * tls_name              name in its certificate by which the customer is known; "" = by `host` alone
 * pass_headers, nat     as those of struct db_gateway
 */
#define DB_MAPPING_GATEWAY_COLUMNS(COLUMN)                                                                   \
	COLUMN(TEXT, name, "name")                                                                           \
	COLUMN(ID, id, "id")                                                                                 \
	COLUMN(TEXT, host, "host")                                                                           \
	COLUMN(PORT, port, "port")                                                                           \
	COLUMN(FLAG, enabled, "enabled")                                                                     \
	COLUMN(NUMBER, capacity, "capacity")                                                                 \
	COLUMN(NUMBER, cps, "cps")                                                                           \
	COLUMN(OVERRIDE, session_timer, "session_timer")                                                     \
	COLUMN(100REL, sip_100rel, "sip_100rel")                                                             \
	COLUMN(SECONDS, max_call_duration_ms, "max_call_duration")                                           \
	COLUMN(FLAG, strict_source, "strict_source")                                                         \
	COLUMN(SWITCH, tls_verify, "tls_verify")                                                             \
	COLUMN(TEXT, tls_fingerprint, "tls_fingerprint")                                                     \
	COLUMN(TEXT, tls_certificate, "tls_certificate")                                                     \
	COLUMN(TEXT, tls_name, "tls_name")                                                                   \
	COLUMN(TEXT, pass_headers, "pass_headers")                                                           \
	COLUMN(OVERRIDE, nat, "nat")

/** Texts are never NULL. */
struct db_mapping_gateway {
	DB_MAPPING_GATEWAY_COLUMNS(DB_TABLE_MEMBER)
};

extern const struct db_table db_mapping_gateway_table;

#endif
