// What Swift's Glibc module doesn't show of Linux: headers it leaves out, functions behind _GNU_SOURCE, macros. No logic.
#ifndef HOLDFAST_CLINUX_H
#define HOLDFAST_CLINUX_H

#include <net/if.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/// accept4(2), which needs _GNU_SOURCE.
int clinux_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

/// pthread_setname_np(3) for the calling thread; the name is cut to 15 bytes.
void clinux_set_thread_name(const char *name);
/// pthread_clockjoin_np(3) with a time of the monotonic clock in milliseconds: 0, or an error, ETIMEDOUT when the thread still runs.
int clinux_join_until(pthread_t thread, uint64_t milliseconds);

/// What poll(2) says of a descriptor now: those of `events` that have come, errors and hang-ups; 0 if there is nothing.
int clinux_poll_now(int fd, int events);

/// 1 if the peer of a connected socket has ended its side (POLLRDHUP, which needs _GNU_SOURCE) or the connection is broken, whether or not bytes
/// lie before that in the socket; else 0.
int clinux_has_peer_ended(int fd);

/// CLOCK_MONOTONIC in nanoseconds.
uint64_t clinux_monotonic_nanoseconds(void);

/// CLOCK_REALTIME in nanoseconds since 1970; 0 before.
uint64_t clinux_realtime_nanoseconds(void);

/// The soft and hard limits of open descriptors; 0 or -1 with errno.
int clinux_get_descriptor_limit(uint64_t *soft, uint64_t *hard);

/// Sets the soft limit of open descriptors; 0 or -1 with errno.
int clinux_set_descriptor_limit(uint64_t soft);

/// The soft limit of a resource (RLIMIT_...); UINT64_MAX when there is none or it can't be read.
uint64_t clinux_get_limit(int resource);

/// Installs a handler for `signal_number` that writes the number as one byte to `descriptor` and does nothing else.
/// One descriptor serves all signals of the process; the latest one given counts. Returns 0 or -1 with errno.
int clinux_signal_to_descriptor(int signal_number, int descriptor);

/// Restores the default disposition of `signal_number`, and stops writing to the descriptor for all signals.
int clinux_signal_default(int signal_number);

/// From now on an access to a page of a map whose file has no such page (SIGBUS: the file was cut) writes `message` to standard error and
/// ends the process with `status`. `message` must stay for good.
void clinux_exit_on_bus_error(const char *message, int status);

/// Writes `message` to standard error and ends the process at once.
void clinux_exit_with_message(const char *message, int status) __attribute__((noreturn));

/// mallopt(3): blocks from `bytes` on are mappings of their own, for good, and so go back to the system when they are freed.
void clinux_map_large_blocks(int bytes);

/// malloc_trim(3): gives the system the pages that the allocator doesn't need.
void clinux_trim_memory(void);

/// explicit_bzero(3): a memset that the compiler doesn't take away.
void clinux_wipe(void *memory, size_t count);

/// setns(2): sockets that the calling thread makes from now on are in the network namespace that `path` names. Returns 0 or -1 with errno.
int clinux_enter_network_namespace(const char *path);

/// statfs(2): the number of the file system's kind (f_type), 0 when `path` can't be asked for.
uint64_t clinux_file_system_type(const char *path);

/// adjtimex(2): 1 when the kernel says that its clock is synchronised, 0 when not, -1 when it can't be asked.
int clinux_clock_is_synchronised(void);

#endif
