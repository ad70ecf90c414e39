#include "pidf.h"

#include <expat.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#define NS "urn:ietf:params:xml:ns:pidf "

/** The path from the root to a basic status. */
static const char *const path[] = {NS "presence", NS "tuple", NS "status", NS "basic"};
enum { LEVELS = sizeof(path) / sizeof(path[0]), TEXT_MAX_BYTES = 32 };

struct reader {
	XML_Parser parser;
	unsigned depth, matched; /* open elements; how many of them, counted from the root, are on the path */
	char text[TEXT_MAX_BYTES]; /* of the basic status being read */
	size_t len;
	bool ended; /* white space followed it */
	bool any_open, any_closed;
	bool bad;
};

static void refuse(struct reader *r)
{
	r->bad = true;
	XML_StopParser(r->parser, XML_FALSE);
}

static void on_doctype(void *arg, const char *name, const char *system, const char *public, int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse(arg);
}

static bool in_basic(const struct reader *r)
{
	return r->matched == LEVELS && r->depth == LEVELS;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct reader *r = arg;
	bool matches = r->matched == r->depth && r->depth < LEVELS && !strcmp(name, path[r->depth]);

	(void)attributes;
	if (r->depth == 0 && !matches)
		refuse(r);
	r->depth++;
	r->matched += matches;
	r->len = 0;
	r->ended = false;
}

static void on_text(void *arg, const char *text, int len)
{
	struct reader *r = arg;

	if (!in_basic(r))
		return;
	for (int i = 0; i < len; i++) {
		if (strchr(" \t\r\n", text[i])) {
			r->ended = r->len > 0;
			continue;
		}
		if (r->ended || r->len == sizeof(r->text)) {
			refuse(r);
			return;
		}
		r->text[r->len++] = text[i];
	}
}

static bool text_is(const struct reader *r, const char *word)
{
	return r->len == strlen(word) && !memcmp(r->text, word, r->len);
}

static void on_end(void *arg, const char *name)
{
	struct reader *r = arg;

	(void)name;
	if (in_basic(r) && text_is(r, "open"))
		r->any_open = true;
	else if (in_basic(r) && text_is(r, "closed"))
		r->any_closed = true;
	else if (in_basic(r))
		refuse(r);
	r->matched -= r->matched == r->depth;
	r->depth--;
}

int pidf_parse(bool *open, const char *data, size_t len)
{
	struct reader r = {.parser = XML_ParserCreateNS(NULL, ' ')};
	enum XML_Status status;

	if (!r.parser)
		return -ENOMEM;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	status = len > INT_MAX ? XML_STATUS_ERROR : XML_Parse(r.parser, data, (int)len, XML_TRUE);
	XML_ParserFree(r.parser);
	if (status != XML_STATUS_OK || r.bad)
		return -EINVAL;
	*open = r.any_open || !r.any_closed;
	return 0;
}
