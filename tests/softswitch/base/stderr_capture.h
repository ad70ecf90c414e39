/** @file stderr_capture.h  What a function writes to stderr, for tests. */
#ifndef STDERR_CAPTURE_H
#define STDERR_CAPTURE_H

#include <stdio.h>
#include <unistd.h>

/** stderr goes to a file until capture_end(). */
struct capture {
	FILE *file;
	int stderr_fd;
};

static inline void capture_begin(struct capture *c)
{
	fflush(stderr);
	c->file = tmpfile();
	c->stderr_fd = dup(STDERR_FILENO);
	dup2(fileno(c->file), STDERR_FILENO);
}

/** @return the number of bytes written meanwhile, of which the first size - 1 are in out, ended by NUL */
static inline size_t capture_end(struct capture *c, char *out, size_t size)
{
	dup2(c->stderr_fd, STDERR_FILENO);
	close(c->stderr_fd);
	rewind(c->file);
	size_t n = fread(out, 1, size - 1, c->file);
	out[n] = '\0';
	fseek(c->file, 0, SEEK_END);
	n = (size_t)ftell(c->file);
	fclose(c->file);
	return n;
}

#endif
