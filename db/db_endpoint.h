/** @file db_endpoint.h  One row of `endpoint`: a phone, PBX or gateway that registers with the switch. */
#ifndef DB_ENDPOINT_H
#define DB_ENDPOINT_H

#include "db_table.h"

/*
 * name                  user it registers and authenticates as
 * number                what is called to reach it; db_config_load() makes it the name where the row has none
 * password              "" = it has hashes
 * ha1_md5, ha1_sha256   hexadecimal, of user, realm and password (RFC 7616 section 3.4.2); "" = none
 * capacity, cps         calls at a time, new calls per second; 0 = unlimited
 * contacts              how many may be registered at a time
 * auth_calls            are its calls challenged although they come from where it has registered?
 * callers               numbers it may show, or beginnings of them with * behind, separated by commas; "" = its name and number
 * nat, strict_source    as those of struct db_gateway
 * max_call_duration_ms  0 = the parameter
 */
#define DB_ENDPOINT_COLUMNS(COLUMN)                                                                          \
	COLUMN(TEXT, name, "name")                                                                           \
	COLUMN(ID, id, "id")                                                                                 \
	COLUMN(TEXT, number, "number")                                                                       \
	COLUMN(TEXT, password, "password")                                                                   \
	COLUMN(TEXT, ha1_md5, "ha1_md5")                                                                     \
	COLUMN(TEXT, ha1_sha256, "ha1_sha256")                                                               \
	COLUMN(FLAG, enabled, "enabled")                                                                     \
	COLUMN(NUMBER, capacity, "capacity")                                                                 \
	COLUMN(NUMBER, cps, "cps")                                                                           \
	COLUMN(NUMBER, contacts, "contacts")                                                                 \
	COLUMN(FLAG, auth_calls, "auth_calls")                                                               \
	COLUMN(TEXT, callers, "callers")                                                                     \
	COLUMN(FLAG, strict_source, "strict_source")                                                         \
	COLUMN(OVERRIDE, nat, "nat")                                                                         \
	COLUMN(OVERRIDE, session_timer, "session_timer")                                                     \
	COLUMN(100REL, sip_100rel, "sip_100rel")                                                             \
	COLUMN(SECONDS, max_call_duration_ms, "max_call_duration")

/** Texts are never NULL. */
struct db_endpoint {
	DB_ENDPOINT_COLUMNS(DB_TABLE_MEMBER)
};

extern const struct db_table db_endpoint_table;

#endif
