#include "reload.h"

#include "clock.h"
#include "db.h"
#include "db_config.h"
#include "db_place.h"
#include "endpoints.h"
#include "log.h"
#include "loop.h"
#include "routing_table.h"
#include "token.h"

#include <event2/event.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/** How often the thread looks whether the file has changed; a look costs some microseconds. */
enum { WATCH_MS = 50, REST_LOOKS = 1000 / WATCH_MS, ERROR_SIZE = 512 };

/** What was read from the file, on its way from the thread to the loop, and back to be freed. */
struct reading {
	struct reading *next; /* in the list of used ones */
	struct db_config *config;
	struct routing_table *table; /* NULL: routes unchanged */
	int error;                   /* why the loop could not put it in force; 0 = it is in force */
};

static const struct db_config_revision read_all = {-1, -1};

struct reload {
	struct reload_targets targets;
	struct db *db; /* the thread's, as the next eight; NULL: the file of this name cannot be used now */
	/* Routes of the table in force or on its way, endpoints in force; -1 = read them in any case. */
	struct db_config_revision revision;
	unsigned on_their_way;         /* readings that have not come back */
	int seen;                      /* data_version of the last reading */
	unsigned quiet;                /* looks since the last change */
	bool again;                    /* read the file though it has not changed */
	uint64_t unusable, unverified; /* sums over the rows that were named last */
	char said[ERROR_SIZE];         /* why it could not be read: logged once; "" = it could */
	int last_error;                /* the loop's: an error that lasts is logged once ... */
	bool tell;                     /* ... or when somebody asks again */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t wanted;        /* to stop, or to look now */
	struct reading *fresh, *used; /* to the loop, and back; these and the next two are under the lock */
	bool stop;
	bool now; /* read the file though it has not changed, and say so even if the last error has not changed */
	int wake_fd;
	struct event *wake;
};

static void readings_free(struct reading *r)
{
	while (r) {
		struct reading *next = r->next;

		db_config_free(r->config);
		routing_table_destroy(r->table);
		free(r);
		r = next;
	}
}

static int on_route(const struct db_route *row, void *arg)
{
	return routing_table_add(arg, row);
}

static void on_unusable(const char *table, const char *name, const char *why, void *arg)
{
	(void)arg;
	log_warning(NULL, "row cannot be used and is disabled table=%s name=%s reason=%s", table, name, why);
}

static void on_unverified(const char *table, const char *name, const char *why, void *arg)
{
	(void)arg;
	log_warning(NULL, "certificates are not verified table=%s name=%s reason=%s", table, name, why);
}

static void add_up(const char *table, const char *name, const char *why, void *sum)
{
	*(uint64_t *)sum = token_hash(token_hash(token_hash(*(uint64_t *)sum, table), name), why);
}

/** Name the rows that somebody should know of, unless they are those that were named last. */
static void name_rows(struct reload *c, const struct db_config *config)
{
	uint64_t unusable = 0, unverified = 0;

	db_config_unusable(c->db, add_up, &unusable);
	if (unusable != c->unusable)
		db_config_unusable(c->db, on_unusable, NULL);
	c->unusable = unusable;
	db_config_unverified(config, add_up, &unverified);
	if (unverified != c->unverified)
		db_config_unverified(config, on_unverified, NULL);
	c->unverified = unverified;
}

static int read_file(struct reload *c, struct reading **out)
{
	struct reading *r = calloc(1, sizeof(*r));
	struct db_config_revision known = c->revision;
	int err = -ENOMEM;

	if (!r || routing_table_create(&r->table))
		goto out;
	if (c->on_their_way)
		known.endpoints = -1;
	err = db_config_load(c->db, &known, on_route, r->table, &r->config);
	if (err)
		goto out;
	if (r->config->revision.routes == c->revision.routes) {
		routing_table_destroy(r->table);
		r->table = NULL;
	} else {
		err = routing_table_finish(r->table);
	}
out:
	if (err) {
		readings_free(r);
		return err;
	}
	name_rows(c, r->config);
	c->revision.routes = r->config->revision.routes;
	*out = r;
	return 0;
}

static void explain(const struct reload *c, int err, char *error, size_t size)
{
	snprintf(error, size, "%s: %s", c->targets.path, err == -ENOMEM ? "no memory" : db_error(c->db));
}

/* In the loop ------------------------------------------------------------------------------- */

static void on_bad_host(const char *name, const char *host, void *arg)
{
	(void)arg;
	log_warning(NULL, "mapping gateway left out, host is neither an address nor a block name=%s host=%s",
		name, host);
}

/** Put a reading in force; the table it replaces is left in it. @return 0; -ENOMEM with everything as it was */
static int apply(struct reload *c, struct reading *r)
{
	const struct db_config *f = r->config;
	int err = configuration_apply(
		&c->targets.configuration, f, &r->table, on_bad_host, NULL, clock_now_ms());

	if (err)
		return err;
	c->targets.on_change(c->targets.arg);
	log_info(NULL,
		"configuration in force gateways=%zu mapping_gateways=%zu registrations=%zu endpoints=%zu",
		f->n_gateways, f->n_mapping_gateways, f->n_registrations,
		endpoints_count(c->targets.configuration.endpoints));
	return 0;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct reload *c = arg;
	struct reading *r;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&c->lock);
	r = c->fresh;
	c->fresh = NULL;
	pthread_mutex_unlock(&c->lock);
	if (!r)
		return;
	/* One that says "routes unchanged" may mean routes that the failed one before it took along. */
	r->error = c->last_error && !r->table ? c->last_error : apply(c, r);
	if (r->error && (c->tell || r->error != c->last_error))
		log_error(
			NULL, "configuration not in force, the old one stays error=%s", strerror(-r->error));
	c->last_error = r->error;
	c->tell = false;
	pthread_mutex_lock(&c->lock);
	r->next = c->used;
	c->used = r;
	pthread_mutex_unlock(&c->lock);
}

/* In the thread ----------------------------------------------------------------------------- */

/** Free what the loop is done with. What it could not put in force is to be read once more. */
static void take_back(struct reload *c, struct reading *used)
{
	if (used)
		c->revision.endpoints = used->config->revision.endpoints; /* of the last one */
	for (const struct reading *r = used; r; r = r->next) {
		c->on_their_way--;
		if (r->error) {
			c->revision = read_all;
			c->again = true;
		}
	}
	readings_free(used);
}

/** Sleep until the next look. *now: it was asked for. @return false when stopped */
static bool wait_watch(struct reload *c, bool *now)
{
	struct timespec until;
	struct reading *used;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WATCH_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&c->lock);
	while (!c->stop && !c->now && pthread_cond_timedwait(&c->wanted, &c->lock, &until) == 0)
		;
	stop = c->stop;
	*now = c->now;
	c->now = false;
	used = c->used;
	c->used = NULL;
	pthread_mutex_unlock(&c->lock);
	take_back(c, used);
	return !stop;
}

/** Hand a reading to the loop; a reading it has not looked at yet is replaced. */
static void hand_over(struct reload *c, struct reading *r)
{
	static const uint64_t one = 1;
	struct reading *stale;

	pthread_mutex_lock(&c->lock);
	stale = c->fresh;
	if (stale && !r->table) { /* the newer table is still the stale one's */
		r->table = stale->table;
		stale->table = NULL;
	}
	c->fresh = r;
	pthread_mutex_unlock(&c->lock);
	c->on_their_way += !stale;
	readings_free(stale);
	if (write(c->wake_fd, &one, sizeof(one)) < 0)
		log_error(NULL, "configuration thread cannot wake the loop error=%s", strerror(errno));
}

/** Follow a file that was moved, replaced or overwritten; the old configuration stays until there is a good one. */
static int need_file(struct reload *c, char error[ERROR_SIZE])
{
	const enum db_place place = c->db ? db_place_check(c->db) : DB_PLACE_SAME;
	int err;

	if (place != DB_PLACE_SAME) {
		log_info(
			NULL, "the configuration was moved, removed or overwritten file=%s", c->targets.path);
		(place == DB_PLACE_MOVED ? db_place_leave : db_close)(c->db);
		c->db = NULL;
	}
	if (c->db)
		return 0;
	c->revision = read_all;
	c->again = true;
	err = db_open(&c->db, c->targets.path, DB_CONFIG, DB_EXISTING, error, ERROR_SIZE);
	if (!err)
		db_place_settle(c->db);
	return err;
}

/** Read the file if it has changed. @param out  receives NULL when it has not */
static int look(struct reload *c, struct reading **out, char error[ERROR_SIZE])
{
	int version, err = need_file(c, error);

	*out = NULL;
	if (err)
		return err;
	err = db_data_version(c->db, &version);
	if (!err && version == c->seen && !c->again) {
		if (++c->quiet % REST_LOOKS == 0)
			db_place_rest(c->db);
		return 0;
	}
	c->quiet = 0;
	if (!err)
		err = read_file(c, out);
	if (err) {
		explain(c, err, error, ERROR_SIZE);
		return err;
	}
	c->seen = version;
	c->again = false;
	db_place_settle(c->db);
	return 0;
}

static void *watch(void *arg)
{
	struct reload *c = arg;
	struct reading *r;
	char error[ERROR_SIZE];
	bool now;

	while (wait_watch(c, &now)) {
		if (now) {
			c->again = true;
			c->said[0] = '\0';
		}
		error[0] = '\0';
		if (look(c, &r, error) == 0) {
			if (r)
				hand_over(c, r);
		} else if (strcmp(error, c->said) != 0) {
			log_warning(NULL,
				"configuration cannot be read, the old one stays in force reason=%s", error);
		}
		snprintf(c->said, sizeof(c->said), "%s", error);
	}
	return NULL;
}

/* Life -------------------------------------------------------------------------------------- */

int reload_create(struct reload **out, struct loop *loop, struct db *db_take,
	const struct reload_targets *targets, char *error, size_t error_size)
{
	struct reload *c = calloc(1, sizeof(*c));
	pthread_condattr_t monotonic;
	struct reading *r;
	int err;

	snprintf(error, error_size, "no memory to read %s", targets->path);
	if (!c) {
		db_close(db_take);
		return -ENOMEM;
	}
	c->targets = *targets;
	c->db = db_take;
	c->revision = read_all;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wanted, &monotonic);
	pthread_condattr_destroy(&monotonic);
	c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->wake = c->wake_fd < 0 ? NULL
				 : event_new(loop_base(loop), c->wake_fd, EV_READ | EV_PERSIST, on_wake, c);
	err = !c->wake || event_add(c->wake, NULL) ? -ENOMEM : db_data_version(c->db, &c->seen);
	if (!err)
		err = read_file(c, &r);
	if (err) {
		explain(c, err, error, error_size);
		goto fail;
	}
	db_place_settle(c->db);
	err = apply(c, r);
	c->revision.endpoints = r->config->revision.endpoints;
	readings_free(r);
	if (err)
		goto fail;
	err = -pthread_create(&c->thread, NULL, watch, c);
	if (err)
		goto fail;
	c->started = true;
	*out = c;
	return 0;
fail:
	reload_destroy(c);
	return err;
}

void reload_now(struct reload *c)
{
	pthread_mutex_lock(&c->lock);
	c->now = true;
	pthread_cond_signal(&c->wanted);
	pthread_mutex_unlock(&c->lock);
	c->tell = true;
}

void reload_destroy(struct reload *c)
{
	if (!c)
		return;
	if (c->started) {
		pthread_mutex_lock(&c->lock);
		c->stop = true;
		pthread_cond_signal(&c->wanted);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->thread, NULL);
	}
	if (c->wake)
		event_free(c->wake);
	if (c->wake_fd >= 0)
		close(c->wake_fd);
	readings_free(c->fresh);
	readings_free(c->used);
	pthread_cond_destroy(&c->wanted);
	pthread_mutex_destroy(&c->lock);
	db_close(c->db);
	free(c);
}
