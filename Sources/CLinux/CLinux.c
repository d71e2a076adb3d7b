#define _GNU_SOURCE
#include "CLinux.h"

#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/timex.h>
#include <sys/vfs.h>

int clinux_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(fd, address, length, flags);
}

int clinux_poll_now(int fd, int events) {
    struct pollfd polled = {.fd = fd, .events = (short)events};
    return poll(&polled, 1, 0) > 0 ? polled.revents : 0;
}

int clinux_has_peer_ended(int fd) {
    return (clinux_poll_now(fd, POLLRDHUP) & (POLLRDHUP | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void clinux_set_thread_name(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}

int clinux_join_until(pthread_t thread, uint64_t milliseconds) {
    struct timespec end = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &end);
}

uint64_t clinux_monotonic_nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clinux_realtime_nanoseconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int clinux_get_descriptor_limit(uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}

uint64_t clinux_get_limit(int resource) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
    return limit.rlim_cur;
}

int clinux_set_descriptor_limit(uint64_t soft) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = soft;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

// Read by the signal handler: lock-free, and set before the handler is installed.
static _Atomic int signal_descriptor = -1;

static void write_signal(int signal_number) {
    int saved = errno;
    int descriptor = atomic_load(&signal_descriptor);
    unsigned char byte = (unsigned char)signal_number;
    if (descriptor >= 0) {
        // A full pipe means that the reader has signals to see anyway.
        ssize_t ignored = write(descriptor, &byte, 1);
        (void)ignored;
    }
    errno = saved;
}

int clinux_signal_to_descriptor(int signal_number, int descriptor) {
    atomic_store(&signal_descriptor, descriptor);
    struct sigaction action = {.sa_handler = write_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(signal_number, &action, NULL);
}

int clinux_signal_default(int signal_number) {
    atomic_store(&signal_descriptor, -1);
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    return sigaction(signal_number, &action, NULL);
}

// Set anew for every environment that is opened, on any thread.
static _Atomic(const char *) bus_error_message;
static _Atomic int bus_error_status;

void clinux_exit_with_message(const char *message, int status) {
    ssize_t ignored = write(2, message, strlen(message));
    (void)ignored;
    _exit(status);
}

static void exit_on_bus_error(int signal_number) {
    (void)signal_number;
    clinux_exit_with_message(bus_error_message, bus_error_status);
}

void clinux_exit_on_bus_error(const char *message, int status) {
    bus_error_message = message;
    bus_error_status = status;
    struct sigaction action = {.sa_handler = exit_on_bus_error};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

void clinux_map_large_blocks(int bytes) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, bytes);
    mallopt(M_TRIM_THRESHOLD, bytes);
#endif
}

void clinux_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void clinux_wipe(void *memory, size_t count) { explicit_bzero(memory, count); }

int clinux_enter_network_namespace(const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    int status = setns(descriptor, CLONE_NEWNET);
    int code = errno;
    close(descriptor);
    errno = code;
    return status;
}

uint64_t clinux_file_system_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (uint64_t)(uint32_t)status.f_type : 0;
}

int clinux_clock_is_synchronised(void) {
    struct timex clock = {0};
    int state = adjtimex(&clock);
    return state < 0 ? -1 : state != TIME_ERROR && !(clock.status & STA_UNSYNC);
}
