/** @file sofia_workaround.h  Functions that replace those of the SIP library.
 *
 * The library's own would block the loop, lose requests and leak memory. It calls them
 * through the dynamic linker, which finds those of the executable before any library's.
 */
#ifndef SOFIA_WORKAROUND_H
#define SOFIA_WORKAROUND_H

/** Does the library call ours? @return 0; -EPROTO when the program is linked so that it does not */
int sofia_workaround_check(void);

#endif
