/* The daemon: opens everything in order, runs the loop, closes everything in reverse. */

#include "call_recovery.h"
#include "access.h"
#include "calls.h"
#include "check.h"
#include "clock.h"
#include "config_file.h"
#include "reload.h"
#include "control_methods.h"
#include "control_socket.h"
#include "db.h"
#include "endpoints.h"
#include "gate.h"
#include "gateway_log.h"
#include "gateway_watch.h"
#include "gateways.h"
#include "heap.h"
#include "log.h"
#include "loop.h"
#include "mapping_gateways.h"
#include "options.h"
#include "routing.h"
#include "signals.h"
#include "handover.h"
#include "publish.h"
#include "records.h"
#include "registration_drivers.h"
#include "registrations.h"
#include "restart.h"
#include "restart_command.h"
#include "stack.h"
#include "state_version.h"
#include "stop.h"
#include "strangers.h"
#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

struct daemon {
	const struct options *options;
	struct loop *loop;
	struct stack stack;
	struct gateways *gateways;
	struct gateway_log *gateway_log;
	struct gateway_watch *watch;
	struct publish *publish;
	struct mapping_gateways *mapping_gateways;
	struct endpoints *endpoints;
	struct access *access;
	struct registrations *registrations;
	struct registration_drivers *drivers;
	struct routing *routing;
	struct records records;
	struct reload *config;
	struct calls *calls;
	struct strangers *strangers;
	struct gate *gate;
	struct control_socket *control;
	struct control_methods_context context;
	struct stop *stop;
	struct restart *restart;
	struct restart_command restart_command;
	char *const *argv;
	struct signals *signals;
};

/* Starting ---------------------------------------------------------------------------------- */

/** The key of what leaves the process and may come back after a restart. It lies beside the records. */
static void load_key(struct token_key *key, const char *cdr)
{
	char *path = NULL;
	int err = asprintf(&path, "%s-key", cdr) < 0 ? -ENOMEM : token_key_load(key, path);

	if (err)
		log_warning(NULL, "calls that loop across a restart are not recognised file=%s error=%s",
			path, strerror(-err));
	free(path);
}

static int open_stack(struct daemon *d, char *error, size_t size)
{
	const struct options *o = d->options;
	struct stack *s = &d->stack;
	struct token_key key;
	int err;

	clock_init();
	err = loop_create(&d->loop);
	if (err) {
		snprintf(error, size, "cannot make an event loop: %s", strerror(-err));
		return err;
	}
	s->loop = d->loop;
	err = transport_create(&s->transport, d->loop, o->listen, o->n_listen, o->tls_dir, error, size);
	if (err)
		return err;
	load_key(&key, o->cdr);
	err = client_transactions_create(&s->client_transactions, s->transport, &key);
	if (!err)
		err = server_transactions_create(&s->server_transactions, s->transport);
	if (!err)
		err = resolver_create(&s->resolver, loop_base(d->loop), getenv("SOFTSWITCH_DNS"));
	if (!err)
		err = dialogs_create(&s->dialogs, s->resolver);
	return err;
}

/** Records first: whether calls were left decides what becomes of the start without a configuration. */
static int open_files(struct daemon *d, struct db **config, char *error, size_t size)
{
	const struct options *o = d->options;
	const struct records_files files = {o->cdr, o->journal, o->adopt};
	int err = records_open(&d->records, d->loop, &files, error, size);

	if (err)
		return err;
	return config_file_open(config, o->db, call_recovery_left_ms(d->records.cdr_log), error, size);
}

static void on_configured(void *arg)
{
	struct daemon *d = arg;
	const struct parameters *p = &d->stack.parameters;
	int err = gateway_watch_apply(d->watch);

	if (err)
		log_error(NULL, "gateways not watched error=%s", strerror(-err));
	publish_apply(d->publish);
	access_apply(d->access, d->gateways);
	transport_limit_streams(d->stack.transport,
		&(struct stream_set_limits){.timeout_ms = p->stream_timeout_ms,
			.all = p->stream_limit,
			.source = p->stream_limit_source});
	registration_drivers_apply(d->drivers);
}

static int open_rooms(struct daemon *d, struct db *db, char *error, size_t size)
{
	struct reload_targets targets = {.path = d->options->db, .on_change = on_configured, .arg = d};
	int err = gateways_create(&d->gateways);

	if (!err)
		err = registrations_create(&d->registrations);
	if (!err)
		err = gateway_watch_create(&d->watch, &d->stack, d->gateways, d->registrations);
	if (!err)
		err = publish_create(&d->publish, &d->stack, gateway_watch_targets(d->watch));
	if (!err)
		err = mapping_gateways_create(&d->mapping_gateways);
	if (!err)
		err = endpoints_create(&d->endpoints);
	if (!err)
		err = access_create(&d->access, &d->stack, d->endpoints);
	if (!err)
		err = registration_drivers_create(&d->drivers, &d->stack, d->registrations, d->gateways);
	if (!err)
		err = routing_create(&d->routing, token_random());
	if (err) {
		db_close(db);
		return err;
	}
	targets.configuration = (struct configuration){
		.parameters = &d->stack.parameters,
		.gateways = d->gateways,
		.mapping_gateways = d->mapping_gateways,
		.endpoints = d->endpoints,
		.registrations = d->registrations,
		.routing = d->routing,
	};
	registration_drivers_restore(d->drivers, restart_take_registrations());
	err = reload_create(&d->config, d->loop, db, &targets, error, size);
	if (!err)
		err = gateway_log_create(&d->gateway_log, d->loop, d->gateways);
	if (!err)
		records_restore(&d->records, d->options->cdr, d->publish, d->gateways, d->access);
	return err;
}

static uint64_t hash_source(const void *bytes, size_t n)
{
	return token_hash_bytes(0, bytes, n);
}

static int open_doors(struct daemon *d, char *error, size_t size)
{
	struct calls_parts parts = {.stack = &d->stack,
		.gateways = d->gateways,
		.mapping_gateways = d->mapping_gateways,
		.endpoints = d->endpoints,
		.bindings = access_bindings(d->access),
		.registrations = d->registrations,
		.routing = d->routing,
		.cdr_log = d->records.cdr_log};
	struct gate_parts gate = {.stack = &d->stack,
		.mapping_gateways = d->mapping_gateways,
		.access = d->access,
		.publish = d->publish,
		.registrations = d->drivers,
		.gateway_targets = gateway_watch_targets(d->watch)};
	int err = calls_create(&d->calls, &parts);

	if (!err)
		err = strangers_create(&d->strangers, hash_source);
	gate.calls = d->calls;
	gate.strangers = d->strangers;
	if (!err)
		err = gate_create(&d->gate, &gate);
	if (err)
		return err;
	d->context = (struct control_methods_context){
		.endpoints = {d->endpoints, d->access},
		.name = d->options->name,
		.version = SOFTSWITCH_VERSION,
		.db = d->options->db,
		.cdr = d->options->cdr,
		.started_ms = clock_now_ms(),
		.state = "running",
		.gateways = d->gateways,
		.mapping_gateways = d->mapping_gateways,
		.registrations = d->registrations,
		.on_registration = registration_drivers_drive,
		.routing = d->routing,
		.calls = d->calls,
		.cdr_log = d->records.cdr_log,
		.transport = d->stack.transport,
		.strangers = d->strangers,
	};
	return control_socket_create(&d->control, loop_base(d->loop), d->options->control, control_methods,
		&d->context, error, size);
}

/** What ends this process, or puts another in its place. */
static int open_ends(struct daemon *d)
{
	int err = stop_create(&d->stop,
		&(struct stop_parts){.loop = d->loop,
			.calls = d->calls,
			.gate = d->gate,
			.watch = d->watch,
			.drivers = d->drivers,
			.context = &d->context,
			.drain_s = d->options->drain_s});

	if (!err)
		err = restart_create(&d->restart,
			&(struct restart_parts){.loop = d->loop,
				.transport = d->stack.transport,
				.calls = d->calls,
				.drivers = d->drivers,
				.records = &d->records,
				.argv = d->argv});
	d->restart_command = (struct restart_command){d->restart, d->stop, d->control, &d->context};
	d->context.on_restart = restart_command_begin;
	d->context.on_restart_arg = &d->restart_command;
	return err;
}

static void close_all(struct daemon *d)
{
	if (d->calls)
		calls_hangup_all(d->calls, CAUSE_SHUTDOWN);
	restart_destroy(d->restart);
	stop_destroy(d->stop);
	control_socket_destroy(d->control);
	gate_destroy(d->gate);
	strangers_destroy(d->strangers);
	calls_destroy(d->calls);
	records_close(&d->records);
	gateway_log_destroy(d->gateway_log);
	reload_destroy(d->config);
	publish_destroy(d->publish);
	access_destroy(d->access);
	gateway_watch_destroy(d->watch);
	registration_drivers_destroy(d->drivers);
	resolver_destroy(d->stack.resolver);
	client_transactions_destroy(d->stack.client_transactions);
	server_transactions_destroy(d->stack.server_transactions);
	dialogs_destroy(d->stack.dialogs);
	routing_destroy(d->routing);
	mapping_gateways_destroy(d->mapping_gateways);
	endpoints_destroy(d->endpoints);
	registrations_destroy(d->registrations);
	gateways_destroy(d->gateways);
	transport_destroy(d->stack.transport);
	signals_destroy(d->signals);
	loop_destroy(d->loop);
}

static int run(const struct options *options, char *const argv[])
{
	struct daemon d = {.options = options, .argv = argv};
	struct db *db = NULL;
	char error[512] = "";
	int err;

	err = open_stack(&d, error, sizeof(error));
	if (!err)
		err = open_files(&d, &db, error, sizeof(error));
	if (!err)
		err = open_rooms(&d, db, error, sizeof(error));
	if (!err)
		err = open_doors(&d, error, sizeof(error));
	if (!err)
		err = open_ends(&d);
	if (!err)
		err = signals_create(
			&d.signals, d.loop, &(struct signals_parts){d.stop, d.restart, d.config});
	if (err) {
		log_error(NULL, "cannot start reason=%s", error[0] ? error : strerror(-err));
	} else {
		calls_recover(d.calls);
		restart_serve(d.restart);
		loop_run(d.loop);
	}
	close_all(&d);
	if (!err)
		log_info(NULL, "stopped");
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/** Create, upgrade or only look at the files. */
static int open_databases(const struct options *o)
{
	enum db_mode mode = o->action == OPTIONS_CHECK ? DB_CHECK : DB_CREATE;
	struct db *config = NULL, *cdr = NULL;
	char error[512];
	int err = db_open(&config, o->db, DB_CONFIG, mode, error, sizeof(error));
	int status = EXIT_SUCCESS;

	if (!err && o->action == OPTIONS_INIT)
		err = db_open(&cdr, o->cdr, DB_CDR, mode, error, sizeof(error));
	if (err)
		fprintf(stderr, "softswitch: %s\n", error);
	else if (o->action == OPTIONS_CHECK)
		status = check_run(o, config);
	db_close(config);
	db_close(cdr);
	return err ? EXIT_FAILURE : status;
}

/** @return false when the action is another one */
static bool print(enum options_action action)
{
	switch (action) {
	case OPTIONS_HELP:
		puts(options_help());
		return true;
	case OPTIONS_VERSION:
		puts("softswitch " SOFTSWITCH_VERSION);
		return true;
	case OPTIONS_STATE_VERSION:
		state_version_print(stdout, SOFTSWITCH_VERSION);
		return true;
	case OPTIONS_RUN:
	case OPTIONS_INIT:
	case OPTIONS_CHECK:
		break;
	}
	return false;
}

int main(int argc, char *argv[])
{
	struct options options;
	char error[512];
	int status;

	heap_setup();
	signals_ignore();
	handover_receive();
	if (options_parse(&options, argc, argv, error, sizeof(error))) {
		fprintf(stderr, "softswitch: %s\n%s\n", error, options_usage());
		return EXIT_USAGE;
	}
	log_setup(options.log_level, options.log_format);
	if (print(options.action)) {
		options_clear(&options);
		return EXIT_SUCCESS;
	}
	status = options.action == OPTIONS_RUN ? run(&options, argv) : open_databases(&options);
	options_clear(&options);
	return status;
}
