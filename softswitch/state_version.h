/** @file state_version.h  Which versions of its state a program reads: each up to one, and all before it. */
#ifndef STATE_VERSION_H
#define STATE_VERSION_H

#include <stddef.h>
#include <stdio.h>

/** `--state-version`: "version 0.2.0", and a line for each kind of state, as "journal 1". @param version  of the program */
void state_version_print(FILE *out, const char *version);

/**
 * May the program that has printed this go on with our state?
 *
 * @param refusal  receives the reason when it may not, to be read after its name
 * @return 0; -ENOTSUP it is too old; -EINVAL it does not say
 */
int state_version_judge(const char *printed, char *refusal, size_t size);
enum { STATE_VERSION_MAX = 32 };
/** The version of that program; "" when it does not say. */
void state_version_of(const char *printed, char out[STATE_VERSION_MAX]);

#endif
