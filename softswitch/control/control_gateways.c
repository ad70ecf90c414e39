#include "control_gateways.h"

#include "clock.h"
#include "json_text.h"

#include "gateway_stats.h"

#include <stdio.h>

static void set_text(json_t *entry, const char *key, const char *value)
{
	json_object_set_new(entry, key, json_text(value));
}

static void set_number(json_t *entry, const char *key, uint64_t value)
{
	json_object_set_new(entry, key, json_integer((json_int_t)value));
}

/** Negative: not known. */
static void set_figure(json_t *entry, const char *key, int64_t value)
{
	json_object_set_new(entry, key, value < 0 ? json_null() : json_integer(value));
}

/* Fields are named one by one, so the credentials stay inside. */
static void add_row(json_t *entry, const struct db_gateway *row)
{
	set_text(entry, "name", row->name);
	set_text(entry, "host", row->host);
	set_number(entry, "port", row->port);
	set_text(entry, "transport", row->transport);
	json_object_set_new(entry, "enabled", json_boolean(row->enabled));
	json_object_set_new(entry, "draining", json_boolean(row->draining));
	set_text(entry, "registration", row->registration);
}

/* "reason" explains the state; of a gateway that is up, why it takes no call, such as being full. */
static void add_health(json_t *entry, const struct gateway *gw, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_check(gw, now_ms);
	struct gateway_state_info health;

	gateway_info(gw, now_ms, &health);
	if (!health.reason[0])
		gateway_explain(gw, verdict, now_ms, health.reason, sizeof(health.reason));
	set_text(entry, "state", gateway_state_name(health.state));
	set_number(entry, "for_s", (now_ms - health.since_ms) / 1000);
	json_object_set_new(
		entry, "since_ms", json_integer(clock_epoch_ms() - (json_int_t)(now_ms - health.since_ms)));
	set_text(entry, "verdict", gateway_verdict_name(verdict));
	set_text(entry, "reason", health.reason);
	set_text(entry, "until", health.until);
	set_text(entry, "registered", health.registration);
	set_text(entry, "options", health.options);
	set_text(entry, "publication", health.publication);
}

static void add_load(json_t *entry, const struct gateway *gw)
{
	const struct db_gateway *row = gateway_row(gw);

	set_number(entry, "calls", gateway_calls(gw));
	set_number(entry, "capacity", row->capacity);
	set_number(entry, "cps", row->cps);
	set_number(entry, "calls_total", gateway_calls_total(gw));
	set_number(entry, "rtt_ms", gateway_rtt_ms(gw));
}

static json_t *describe(const struct gateway *gw, const struct gateway_stats_figures *window, uint64_t now_ms)
{
	json_t *entry = json_object();

	add_row(entry, gateway_row(gw));
	add_health(entry, gw, now_ms);
	add_load(entry, gw);
	set_number(entry, "attempts", window->attempts);
	set_figure(entry, "asr_percent", window->asr_percent);
	set_figure(entry, "ner_percent", window->ner_percent);
	set_figure(entry, "acd_ms", window->acd_ms);
	set_figure(entry, "pdd_ms", window->pdd_median_ms);
	return entry;
}

json_t *control_gateway(const struct gateway *gw, uint64_t now_ms)
{
	struct gateway_stats_figures window, total;

	gateway_figures(gw, now_ms, &window, &total);
	return describe(gw, &window, now_ms);
}

static json_t *describe_failures(const struct gateway_stats_figures *f)
{
	json_t *entry = json_object();

	for (unsigned i = 0; i < f->n_failures; i++) {
		const struct gateway_stats_failures *kind = &f->failures[i];
		char code[16];

		snprintf(code, sizeof(code), "%d", kind->sip_code);
		set_number(entry,
			kind->outcome == GATEWAY_RESULT_TIMEOUT             ? "timeout"
				: kind->outcome == GATEWAY_RESULT_TRANSPORT ? "transport"
				: kind->sip_code                            ? code
									    : "other",
			kind->count);
	}
	return entry;
}

static json_t *describe_figures(const struct gateway_stats_figures *f)
{
	json_t *entry = json_object();

	set_number(entry, "attempts", f->attempts);
	set_number(entry, "answered", f->answered);
	set_number(entry, "effective", f->effective);
	set_figure(entry, "asr_percent", f->asr_percent);
	set_figure(entry, "ner_percent", f->ner_percent);
	set_figure(entry, "acd_ms", f->acd_ms);
	set_figure(entry, "pdd_median_ms", f->pdd_median_ms);
	set_figure(entry, "pdd_95_ms", f->pdd_95_ms);
	json_object_set_new(entry, "failures", describe_failures(f));
	return entry;
}

json_t *control_gateway_details(const struct gateway *gw, uint64_t now_ms)
{
	struct gateway_stats_figures window, total;
	json_t *entry;

	gateway_figures(gw, now_ms, &window, &total);
	entry = describe(gw, &window, now_ms);
	json_object_set_new(entry, "window", describe_figures(&window));
	json_object_set_new(entry, "total", describe_figures(&total));
	return entry;
}
