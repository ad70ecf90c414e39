/** @file sofia_workaround.h  Faults of the SIP library that would stop, deafen or bloat the switch, mended from outside.
 *
 * The library calls these functions through the dynamic linker, which finds the executable's before any library's.
 */
#ifndef SOFIA_WORKAROUND_H
#define SOFIA_WORKAROUND_H

/** Are ours the ones the library calls? @return 0; -EPROTO: built or linked in a way that leaves the faults in */
int sofia_workaround_check(void);

#endif
