/** @file db_binding.h  One row of `binding` in state.db: a contact that an endpoint has registered. */
#ifndef DB_BINDING_H
#define DB_BINDING_H

#include "db_table.h"

/*
 * id          endpoint and key of the contact: bindings.h
 * path        whole Route lines
 * q           in thousandths
 * source      "192.0.2.1:5060", that the REGISTER came from; listener: that it came by
 * since_s, expires_s  seconds since 1970
 */
#define DB_BINDING_COLUMNS(COLUMN)                                                                           \
	COLUMN(TEXT, id, "id")                                                                               \
	COLUMN(TEXT, endpoint, "endpoint")                                                                   \
	COLUMN(TEXT, contact, "contact")                                                                     \
	COLUMN(NUMBER, q, "q")                                                                               \
	COLUMN(TEXT, path, "path")                                                                           \
	COLUMN(TEXT, call_id, "call_id")                                                                     \
	COLUMN(NUMBER, cseq, "cseq")                                                                         \
	COLUMN(TEXT, source, "source")                                                                       \
	COLUMN(TEXT, transport, "transport")                                                                 \
	COLUMN(TEXT, listener, "listener")                                                                   \
	COLUMN(FLAG, nat, "nat")                                                                             \
	COLUMN(FLAG, md5_only, "md5_only")                                                                   \
	COLUMN(TEXT, user_agent, "user_agent")                                                               \
	COLUMN(NUMBER, since_s, "since")                                                                     \
	COLUMN(NUMBER, expires_s, "expires")

/** Texts are never NULL. */
struct db_binding {
	DB_BINDING_COLUMNS(DB_TABLE_MEMBER)
};

extern const struct db_table db_binding_table;

#endif
