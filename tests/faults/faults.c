/*
 * Preloaded into the switch, it lets one system call fail or take longer: the n-th of a kind since it was told to. It sets the
 * wall clock back, too. It is told by a file that the test maps, too: $FAULTS, see faults.py.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* In the order of KINDS in faults.py. */
enum kind {
	WRITE,
	WRITEV,
	PWRITE,
	PWRITEV2,
	FDATASYNC,
	FTRUNCATE,
	FALLOCATE,
	RENAME,
	OPEN,
	MMAP,
	ACCEPT,
	SEND,
	SENDTO,
	SENDMSG,
	SENDMMSG,
	RECVMMSG,
	KINDS
};

static struct control {
	_Atomic uint32_t kind;   /* one more than that of the call to be hit; 0 = none */
	_Atomic uint32_t number; /* how many of them are still to pass */
	_Atomic uint32_t error;  /* errno; 0 = it is only delayed */
	_Atomic uint32_t delay_ms;
	_Atomic uint32_t hit;
	_Atomic uint32_t back_s; /* the wall clock is this much slow */
	_Atomic uint32_t seen[KINDS];
} * control;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		abort(); /* a test without faults would succeed */
	control = at;
}

/** @return errno of the failure; 0 = the call is to be made */
static int strike(enum kind kind)
{
	struct timespec delay;

	if (!control)
		return 0;
	atomic_fetch_add(&control->seen[kind], 1);
	if (atomic_load(&control->kind) != (uint32_t)kind + 1 || atomic_fetch_sub(&control->number, 1) != 1)
		return 0;
	atomic_store(&control->hit, 1);
	delay = (struct timespec){control->delay_ms / 1000, control->delay_ms % 1000 * 1000000L};
	nanosleep(&delay, NULL);
	return (int)control->error;
}

#define NEXT(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

#define FAIL_OR(kind, failure, call)                                                                         \
	do {                                                                                                 \
		int error = strike(kind);                                                                    \
		if (!error)                                                                                  \
			return call;                                                                         \
		errno = error;                                                                               \
		return failure;                                                                              \
	} while (0)

/* The headers' names of parameters are reserved. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

ssize_t write(int fd, const void *data, size_t n)
{
	FAIL_OR(WRITE, -1, NEXT(write)(fd, data, n));
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	FAIL_OR(WRITEV, -1, NEXT(writev)(fd, parts, n));
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	FAIL_OR(PWRITE, -1, NEXT(pwrite64)(fd, data, n, at));
}

ssize_t pwritev64v2(int fd, const struct iovec *parts, int n, off64_t at, int flags)
{
	FAIL_OR(PWRITEV2, -1, NEXT(pwritev64v2)(fd, parts, n, at, flags));
}

int fdatasync(int fd)
{
	FAIL_OR(FDATASYNC, -1, NEXT(fdatasync)(fd));
}

int ftruncate64(int fd, off64_t size)
{
	FAIL_OR(FTRUNCATE, -1, NEXT(ftruncate64)(fd, size));
}

int posix_fallocate64(int fd, off64_t at, off64_t size)
{
	int error = strike(FALLOCATE);

	return error ? error : NEXT(posix_fallocate64)(fd, at, size);
}

int rename(const char *from, const char *to)
{
	FAIL_OR(RENAME, -1, NEXT(rename)(from, to));
}

int open64(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
	va_end(more);
	FAIL_OR(OPEN, -1, NEXT(open64)(path, flags, mode));
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t from)
{
	FAIL_OR(MMAP, MAP_FAILED, NEXT(mmap64)(at, size, protection, flags, fd, from));
}

int accept4(int fd, __SOCKADDR_ARG from, socklen_t *restrict size, int flags)
{
	FAIL_OR(ACCEPT, -1, NEXT(accept4)(fd, from, size, flags));
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
	FAIL_OR(SEND, -1, NEXT(send)(fd, data, n, flags));
}

ssize_t sendto(int fd, const void *data, size_t n, int flags, __CONST_SOCKADDR_ARG to, socklen_t size)
{
	FAIL_OR(SENDTO, -1, NEXT(sendto)(fd, data, n, flags, to, size));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	FAIL_OR(SENDMSG, -1, NEXT(sendmsg)(fd, message, flags));
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
	FAIL_OR(SENDMMSG, -1, NEXT(sendmmsg)(fd, messages, n, flags));
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout)
{
	FAIL_OR(RECVMMSG, -1, NEXT(recvmmsg)(fd, messages, n, flags, timeout));
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	static int (*_Atomic next)(clockid_t, struct timespec *);

	if (!next)
		next = NEXT(clock_gettime);
	if (next(id, now))
		return -1;
	if (id == CLOCK_REALTIME && control)
		now->tv_sec -= control->back_s;
	return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
