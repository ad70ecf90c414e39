/** @file db_registration.h  One row of `registration`: an account of ours at a carrier's registrar. */
#ifndef DB_REGISTRATION_H
#define DB_REGISTRATION_H

#include "db_table.h"

/*
 * host             the registrar: IPv4, IPv6 (no brackets) or a name to resolve
 * transport, port  as those of struct db_gateway
 * proxy            where REGISTER is really sent: host, host:port, [IPv6], [IPv6]:port or IPv6; "" = host
 * local_port       of the listener to send from; 0 = any
 * user             of the address of record
 * auth_user        for digest; db_config_load() puts `user` where the table leaves it empty
 * realm            domain of the address of record and realm of the challenge; "" = host, any realm
 * contact_host     "" = the address of the listener
 * expiry           not set = the parameter
 * keep_alive_s     0 = none
 * line             random hexadecimal digits for our Contact, the same as long as the row lives
 * strict_source, tls_*  as those of struct db_gateway
 * inbound_from     from where calls to our Contact are taken
 */
#define DB_REGISTRATION_COLUMNS(COLUMN)                                                                      \
	COLUMN(TEXT, name, "name")                                                                           \
	COLUMN(ID, id, "id")                                                                                 \
	COLUMN(TEXT, host, "host")                                                                           \
	COLUMN(TEXT, transport, "transport")                                                                 \
	COLUMN(PORT, port, "port")                                                                           \
	COLUMN(TEXT, proxy, "proxy")                                                                         \
	COLUMN(PORT, local_port, "local_port")                                                               \
	COLUMN(TEXT, user, "user")                                                                           \
	COLUMN(TEXT, auth_user, "auth_user")                                                                 \
	COLUMN(TEXT, password, "password")                                                                   \
	COLUMN(TEXT, realm, "realm")                                                                         \
	COLUMN(TEXT, contact_host, "contact_host")                                                           \
	COLUMN(EXPIRY, expiry, "expiry")                                                                     \
	COLUMN(FLAG, enabled, "enabled")                                                                     \
	COLUMN(TEXT, line, "line")                                                                           \
	COLUMN(FLAG, strict_source, "strict_source")                                                         \
	COLUMN(INBOUND_FROM, inbound_from, "inbound_from")                                                   \
	COLUMN(SWITCH, tls_verify, "tls_verify")                                                             \
	COLUMN(TEXT, tls_fingerprint, "tls_fingerprint")                                                     \
	COLUMN(TEXT, tls_certificate, "tls_certificate")                                                     \
	COLUMN(NUMBER, keep_alive_s, "keep_alive")

/** Texts are never NULL. */
struct db_registration {
	DB_REGISTRATION_COLUMNS(DB_TABLE_MEMBER)
};

extern const struct db_table db_registration_table;

#endif
