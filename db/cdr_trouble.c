#include "cdr_trouble.h"

enum { FIRST_MS = 1000, AGAIN_MS = 60000 };

enum cdr_trouble_news cdr_trouble_look(struct cdr_trouble *t, bool failing, uint64_t now_ms)
{
	const bool said = t->said_ms;

	if (!failing) {
		*t = (struct cdr_trouble){0};
		return said ? CDR_TROUBLE_OVER : CDR_TROUBLE_SILENT;
	}
	if (!t->since_ms)
		t->since_ms = now_ms;
	if (now_ms - (said ? t->said_ms : t->since_ms) < (said ? AGAIN_MS : FIRST_MS))
		return CDR_TROUBLE_SILENT;
	t->said_ms = now_ms;
	return CDR_TROUBLE_LASTS;
}
