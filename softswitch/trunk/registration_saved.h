/** @file registration_saved.h  A binding as bytes, with which the next process goes on without a REGISTER. */
#ifndef REGISTRATION_SAVED_H
#define REGISTRATION_SAVED_H

#include "field.h"

struct registration_driver;

/** Only while registered. The password is among them, since an edited one has to be known as such: they never lie in a file. */
void registration_saved_write(const struct registration_driver *d, struct text *t);

/** Whose are they? @return its name, for the caller to free; NULL when they are damaged */
char *registration_saved_name(const struct field_bytes *bytes);
/**
 * Go on with them; a driver that cannot starts anew.
 *
 * @param d  just created
 * @return 0; -ESTALE it has expired; -ENOTCONN the listener of its Contact is gone; -EINVAL; -ENOMEM
 */
int registration_saved_read(struct registration_driver *d, const struct field_bytes *bytes);

#endif
