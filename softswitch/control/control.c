#include "control.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *control_string(const json_t *params, const char *name, const char *fallback)
{
	const char *value = json_string_value(json_object_get(params, name));
	return value ? value : fallback;
}

int64_t control_integer(const json_t *params, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(params, name);
	return value ? json_integer_value(value) : fallback;
}

__attribute__((format(printf, 4, 5))) static void fail(
	struct control_error *e, enum control_code code, const char *field, const char *format, ...)
{
	va_list args;
	e->code = code;
	e->field = field;
	va_start(args, format);
	vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
}

static const struct control_param *find_param(const struct control_param *params, const char *name)
{
	for (; params->name; params++)
		if (strcmp(params->name, name) == 0)
			return params;
	return NULL;
}

static bool check_integer(const struct control_param *p, const json_t *value, struct control_error *e)
{
	json_int_t n = json_integer_value(value);
	if (json_is_integer(value) && n >= p->min && n <= p->max)
		return true;
	fail(e, CONTROL_INVALID_PARAMS, p->name, "must be a whole number from %lld to %lld",
		(long long)p->min, (long long)p->max);
	return false;
}

static bool check_string(const struct control_param *p, const json_t *value, struct control_error *e)
{
	int64_t n = (int64_t)json_string_length(value);
	if (json_is_string(value) && n >= p->min && n <= p->max)
		return true;
	fail(e, CONTROL_INVALID_PARAMS, p->name, "must be a string of %lld to %lld bytes", (long long)p->min,
		(long long)p->max);
	return false;
}

/** Check the parameters against the method's table. */
static bool check_params(const struct control_param *specs, json_t *params, struct control_error *e)
{
	const char *name;
	json_t *value;
	json_object_foreach (params, name, value) {
		const struct control_param *p = find_param(specs, name);
		if (!p) {
			fail(e, CONTROL_INVALID_PARAMS, name, "unknown parameter");
			return false;
		}
		if (!(p->type == CONTROL_INTEGER ? check_integer(p, value, e) : check_string(p, value, e)))
			return false;
	}
	for (; specs->name; specs++)
		if (specs->required && !json_object_get(params, specs->name)) {
			fail(e, CONTROL_INVALID_PARAMS, specs->name, "is required");
			return false;
		}
	return true;
}

static json_t *call_method(
	const struct control_method *m, void *arg, const char *name, json_t *params, struct control_error *e)
{
	while (m->name && strcmp(m->name, name) != 0)
		m++;
	if (!m->name) {
		fail(e, CONTROL_UNKNOWN_METHOD, NULL, "unknown method");
		return NULL;
	}
	if (!json_is_object(params)) {
		fail(e, CONTROL_INVALID_PARAMS, "params", "must be an object: parameters are passed by name");
		return NULL;
	}
	if (!check_params(m->params, params, e))
		return NULL;
	json_t *result = m->handler(params, arg, e);
	if (!result && !e->code)
		fail(e, CONTROL_INTERNAL_ERROR, NULL, "out of memory");
	return result;
}

/** @return the method's name; NULL with the error when this is not a request (JSON-RPC 2.0 section 4) */
static const char *check_request(const json_t *request, struct control_error *e)
{
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));
	const json_t *id = json_object_get(request, "id");
	const char *method = json_string_value(json_object_get(request, "method"));
	if (json_is_array(request))
		fail(e, CONTROL_INVALID_REQUEST, NULL,
			"batches are not supported: write one request per line");
	else if (!json_is_object(request))
		fail(e, CONTROL_INVALID_REQUEST, NULL, "a request must be an object");
	else if (!version || strcmp(version, "2.0") != 0)
		fail(e, CONTROL_INVALID_REQUEST, "jsonrpc", "must be \"2.0\"");
	else if (id && !json_is_string(id) && !json_is_number(id) && !json_is_null(id))
		fail(e, CONTROL_INVALID_REQUEST, "id", "must be a string, a number or null");
	else if (!method)
		fail(e, CONTROL_INVALID_REQUEST, "method", "must be a string");
	else
		return method;
	return NULL;
}

json_t *control_error_reply(const json_t *id, const struct control_error *e)
{
	json_t *error = json_object();
	json_object_set_new(error, "code", json_integer(e->code));
	json_t *message = e->field ? json_sprintf("%s: %s", e->field, e->message) : json_string(e->message);
	json_object_set_new(error, "message", message ? message : json_string("malformed"));
	if (e->field)
		json_object_set_new(error, "data", json_pack("{s:s}", "field", e->field));
	bool usable = json_is_string(id) || json_is_number(id);
	return json_pack("{s:s, s:o, s:o*}", "jsonrpc", "2.0", "error", error, "id",
		usable ? json_deep_copy(id) : json_null());
}

/** Perform a valid request. @return its result; NULL with the error */
static json_t *perform(const struct control_method *methods, void *arg, const char *method, json_t *params,
	struct control_error *error)
{
	json_t *given = params ? json_incref(params) : json_object();
	json_t *result = call_method(methods, arg, method, given, error);
	json_decref(given);
	return result;
}

static bool is_blank(const char *line, size_t n)
{
	return n == strspn(line, " \t\r");
}

json_t *control_reply(const json_t *id, json_t *result_take, const struct control_error *e)
{
	return result_take ? json_pack("{s:s, s:o, s:O}", "jsonrpc", "2.0", "result", result_take, "id", id)
			   : control_error_reply(id, e);
}

json_t *control_answer(
	const struct control_method *methods, void *arg, const char *line, size_t n, json_t **later)
{
	struct control_error error = {.code = 0};
	json_error_t where;
	const char *method = NULL;
	json_t *result = NULL, *reply = NULL;
	if (is_blank(line, n))
		return NULL;
	json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	json_t *id = json_object_get(request, "id");

	if (request)
		method = check_request(request, &error);
	else
		fail(&error, CONTROL_PARSE_ERROR, NULL, "malformed JSON, column %d: %s", where.column,
			where.text);
	if (method)
		result = perform(methods, arg, method, json_object_get(request, "params"), &error);
	if (method && !id)
		json_decref(result); /* a notification */
	else if (error.code == CONTROL_LATER)
		*later = json_incref(id);
	else
		reply = control_reply(id, result, &error);
	json_decref(request);
	return reply;
}
