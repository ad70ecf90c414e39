/** @file publication_state.h  What a gateway says of itself by PUBLISH (RFC 3903). */
#ifndef PUBLICATION_STATE_H
#define PUBLICATION_STATE_H

enum publication_state {
	PUBLICATION_STATE_NONE, /* it never published, or removed its publication: no opinion */
	PUBLICATION_STATE_OPEN,
	PUBLICATION_STATE_CLOSED,
	PUBLICATION_STATE_EXPIRED, /* not renewed in time: down until the next one */
};

#endif
