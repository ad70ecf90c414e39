/** @file sofia_port.h  The part of Sofia-SIP's port interface that the library exports but does not install.
 *
 * A su_root runs over a su_port: a table of functions for descriptors, timers and messages.
 * Debian's library takes a foreign port through su_root_create_with_port(); what it expects
 * of one is declared here as the library defines it. loop_create() checks at start that a timer,
 * a message and a descriptor really arrive, so a library that disagrees is refused, not crashed on.
 */
#ifndef SOFIA_PORT_H
#define SOFIA_PORT_H

#include <sofia-sip/su_alloc.h>
#include <sofia-sip/su_time.h>
#include <sofia-sip/su_wait.h>

struct _GSource;

enum su_port_thread_op { THREAD_IS_OBTAINED, THREAD_RELEASE, THREAD_OBTAIN };

/** Head of a queued message; the library allocates and fills it. */
struct su_msg_s {
	size_t sum_size;
	su_msg_t *sum_next;
	su_task_r sum_to;
	su_task_r sum_from;
	su_msg_f sum_func;
	su_msg_f sum_report;
	su_msg_deinit_function *sum_deinit;
	su_msg_arg_t *sum_data[1];
};

struct sofia_port_functions {
	unsigned size;
	void (*lock)(su_port_t *, char const *who);
	void (*unlock)(su_port_t *, char const *who);
	void (*incref)(su_port_t *, char const *who);
	void (*decref)(su_port_t *, int block, char const *who);
	struct _GSource *(*gsource)(su_port_t *);
	int (*send)(su_port_t *, su_msg_r rmsg);
	int (*reg)(su_port_t *, su_root_t *, su_wait_t *, su_wakeup_f, su_wakeup_arg_t *, int priority);
	int (*unregister)(su_port_t *, su_root_t *, su_wait_t *, su_wakeup_f, su_wakeup_arg_t *);
	int (*deregister)(su_port_t *, int index);
	int (*unregister_all)(su_port_t *, su_root_t *);
	int (*eventmask)(su_port_t *, int index, int socket, int events);
	void (*run)(su_port_t *);
	void (*stop)(su_port_t *);
	su_duration_t (*step)(su_port_t *, su_duration_t);
	int (*thread)(su_port_t *, enum su_port_thread_op);
	int (*add_prepoll)(su_port_t *, su_root_t *, su_prepoll_f *, su_prepoll_magic_t *);
	int (*remove_prepoll)(su_port_t *, su_root_t *);
	su_timer_queue_t *(*timers)(su_port_t *);
	int (*multishot)(su_port_t *, int);
	int (*wait_events)(su_port_t *, su_duration_t);
	int (*getmsgs)(su_port_t *);
	int (*getmsgs_from)(su_port_t *, su_port_t *);
	char const *(*name)(su_port_t const *);
	int (*start_shared)(su_root_t *, su_clone_r, su_root_magic_t *, su_root_init_f, su_root_deinit_f);
	void (*wait)(su_clone_r);
	int (*execute)(su_task_r const, int (*function)(void *), void *arg, int *result);
	su_timer_queue_t *(*deferrable)(su_port_t *);
	int (*max_defer)(su_port_t *, su_duration_t *old, su_duration_t *set);
	int (*wakeup)(su_port_t *);
	int (*is_running)(su_port_t const *);
	su_time64_t (*stamp64)(su_port_t *);
	su_dur64_t (*stamp64_offset)(su_port_t *);
};

su_root_t *su_root_create_with_port(su_root_magic_t *magic, su_port_t *port);
su_duration_t su_timer_next_expires(su_timer_queue_t const *timers, su_time_t now);
void su_msg_delivery_report(su_msg_r msg);

#endif
