#include "state_version.h"

#include "calls.h"
#include "cdr_log.h"
#include "db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 5 };

struct kind {
	const char *name;
	int version;
};

static void list(struct kind out[KINDS])
{
	out[0] = (struct kind){"calls", calls_version()};
	out[1] = (struct kind){"journal", cdr_log_version()};
	out[2] = (struct kind){"softswitch.db", db_version(DB_CONFIG)};
	out[3] = (struct kind){"cdr.db", db_version(DB_CDR)};
	out[4] = (struct kind){"state.db", db_version(DB_STATE)};
}

void state_version_print(FILE *out, const char *version)
{
	struct kind kinds[KINDS];

	list(kinds);
	fprintf(out, "version %s\n", version);
	for (int i = 0; i < KINDS; i++)
		fprintf(out, "%s %d\n", kinds[i].name, kinds[i].version);
}

/** What stands behind this name and a blank. @return NULL without such a line */
static const char *find(const char *printed, const char *name)
{
	const size_t n = strlen(name);

	while (printed && !(strncmp(printed, name, n) == 0 && printed[n] == ' ')) {
		printed = strchr(printed, '\n');
		printed = printed ? printed + 1 : NULL;
	}
	return printed ? printed + n + 1 : NULL;
}

int state_version_judge(const char *printed, char *refusal, size_t size)
{
	struct kind kinds[KINDS];

	list(kinds);
	for (int i = 0; i < KINDS; i++) {
		const char *theirs = find(printed, kinds[i].name);

		if (!theirs) {
			snprintf(refusal, size, "does not say which version of %s it reads", kinds[i].name);
			return -EINVAL;
		}
		if (strtol(theirs, NULL, 10) < kinds[i].version) {
			snprintf(refusal, size, "reads %s up to version %ld, and ours is of version %d",
				kinds[i].name, strtol(theirs, NULL, 10), kinds[i].version);
			return -ENOTSUP;
		}
	}
	return 0;
}

void state_version_of(const char *printed, char out[STATE_VERSION_MAX])
{
	const char *version = find(printed, "version");

	snprintf(out, STATE_VERSION_MAX, "%.*s", version ? (int)strcspn(version, "\n") : 0,
		version ? version : "");
}
