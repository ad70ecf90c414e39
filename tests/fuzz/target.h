/** @file target.h  What a fuzz target gives: libFuzzer's entry point and a few seeds of its own. */
#ifndef TARGET_H
#define TARGET_H

#include <stddef.h>
#include <stdint.h>

/** Take one input; dies when something is wrong. The bytes are not terminated. @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Inputs that reach far into the target, a NULL at the end. Used when there is no folder of seeds. */
extern const char *const fuzz_seeds[];

#endif
