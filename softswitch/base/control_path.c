#include "control_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *control_path(const char *run_folder, const char *otherwise)
{
	const char *said = getenv("SOFTSWITCH_CONTROL");
	char *path;

	if (said && *said)
		return strdup(said);
	if (access(run_folder, W_OK | X_OK) != 0)
		return strdup(otherwise);
	return asprintf(&path, "%s/control.sock", run_folder) < 0 ? NULL : path;
}
