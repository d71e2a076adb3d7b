/*
 * Preloaded into a program, writes down each change and each sync of files below one directory, so that `holdfast-load powercut` can tell
 * what a disk might hold after a power cut. The log is written with plain writes: it needs to survive the program, not the machine.
 *
 *   POWERCUT_ROOT   the directory
 *   POWERCUT_LOG    the log; made by the tool
 *   POWERCUT_ARM    eight bytes, mapped: when not 0, the program is killed by that many records from now
 *
 * A change is made and written down under one lock, and the kill comes under it too: the log is then exactly what was done. A sync is
 * written down after it, before its caller goes on, and names where the log ended when it began.
 *
 * A call that changes files in a way that isn't modelled ends the program with a message. Left out, with the reason:
 *   sync_file_range  promises nothing about a power cut, so it is no sync.
 *   msync            there is no writable shared map to be synced: mmap refuses one.
 *   lock.mdb         LMDB's table of readers: a shared map that it makes anew whenever nobody else has it open.
 *   modes, times     nothing that is tested depends on them.
 */
#include "recorder.h"

#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>

#define DESCRIPTORS 65536
#define MAPS 64

static struct tracked table[DESCRIPTORS];
static struct { uintptr_t start, end; } shared_maps[MAPS];
static pthread_mutex_t change = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static dev_t device;
static int log_descriptor = -1;
static uint64_t log_length;
static volatile uint64_t *armed;
static pid_t owner;

struct header {
    uint32_t kind, path_bytes;
    uint64_t file, first;
    uint64_t data_bytes;
};

void *real_function(const char *name, void **cache) {
    if (!*cache) *cache = dlsym(RTLD_NEXT, name);
    return *cache;
}

_Noreturn void refuse(const char *call, const char *path) {
    char text[PATH_MAX + 200];
    int count = snprintf(text, sizeof text, "powercut recorder: can't model %s of %s\n", call, path ? path : "a recorded file");
    if (syscall(SYS_write, 2, text, (size_t)count) < 0) count = 0;
    abort();
}

bool is_recording(void) { return root_length > 0; }

bool is_recorded(const char *path) {
    if (!is_recording() || strncmp(path, root, root_length) != 0) return false;
    if (path[root_length] != 0 && path[root_length] != '/') return false;
    const char *name = strrchr(path, '/');
    return strcmp(name + 1, "lock.mdb") != 0;
}

void begin_change(void) {
    pthread_mutex_lock(&change);
    if (getpid() != owner) refuse("a change by a forked process", NULL);
}

void end_change(void) { pthread_mutex_unlock(&change); }

uint64_t log_end(void) { return log_length; }

uint64_t record(enum kind kind, const char *path, const char *other, uint64_t file, uint64_t first, const struct iovec *data, int count,
                size_t bytes) {
    struct iovec parts[4 + (count > 0 ? count : 0)];
    size_t path_bytes = path ? strlen(path) + (other ? 1 + strlen(other) : 0) : 0;
    struct header header = {(uint32_t)kind, (uint32_t)path_bytes, file, first, bytes};
    int used = 0;
    parts[used++] = (struct iovec){&header, sizeof header};
    if (path) parts[used++] = (struct iovec){(char *)path, strlen(path) + (other ? 1 : 0)};
    if (other) parts[used++] = (struct iovec){(char *)other, strlen(other)};
    size_t left = bytes;
    for (int index = 0; index < count && left > 0; index++) {
        size_t length = data[index].iov_len < left ? data[index].iov_len : left;
        if (length > 0) parts[used++] = (struct iovec){data[index].iov_base, length};
        left -= length;
    }
    size_t total = sizeof header + path_bytes + bytes;
    uint64_t start = log_length;
    /* The log's own descriptor isn't tracked; a call past this library keeps it apart all the same. */
    if (syscall(SYS_writev, log_descriptor, parts, used) != (ssize_t)total) refuse("a full log", NULL);
    log_length += total;
    if (*armed > 0 && --*armed == 0) {
        kill(owner, SIGKILL);
        for (;;) pause();
    }
    return start;
}

static const char *relative(const char *path) { return path[root_length] == '/' ? path + root_length + 1 : ""; }

void record_path(enum kind kind, const char *path, uint64_t file) { record(kind, relative(path), NULL, file, 0, NULL, 0, 0); }

static void record_rename(const char *from, const char *to) { record(RENAME, relative(from), relative(to), 0, 0, NULL, 0, 0); }

static bool descriptor_path(int descriptor, char out[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = readlink(link, out, PATH_MAX - 1);
    if (count < 0) return false;
    out[count] = 0;
    return true;
}

bool canonical(int directory, const char *path, char out[PATH_MAX]) {
    char parent[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    if (length == 0 || length >= PATH_MAX) return false;
    memcpy(parent, path, length);
    parent[length] = 0;
    char *slash = strrchr(parent, '/');
    const char *name = slash ? slash + 1 : parent, *folder = slash == parent ? "/" : slash ? parent : ".";
    if (slash) *slash = 0;
    int descriptor = REAL(openat)(directory, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return false;
    bool found = descriptor_path(descriptor, out);
    REAL(close)(descriptor);
    size_t used = found ? strlen(out) : 0;
    if (!found || used + strlen(name) + 2 > PATH_MAX) return false;
    if (used > 1) out[used++] = '/';
    strcpy(out + used, name);
    return true;
}

bool find_tracked(int descriptor, struct tracked *found) {
    if (descriptor < 0 || descriptor >= DESCRIPTORS || table[descriptor].file == 0) return false;
    struct stat status;
    /* The C library closes descriptors without asking us (closedir): the number may be another's by now. */
    if (fstat(descriptor, &status) != 0 || status.st_dev != device || status.st_ino != table[descriptor].file) {
        table[descriptor].file = 0;
        return false;
    }
    *found = table[descriptor];
    return true;
}

void forget(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS) table[descriptor].file = 0;
}

void track(int descriptor, int flags, bool is_new, bool is_cut) {
    char path[PATH_MAX];
    struct stat status;
    forget(descriptor);
    if (!is_recording() || !descriptor_path(descriptor, path) || !is_recorded(path)) return;
    if (fstat(descriptor, &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) return;
    if (descriptor >= DESCRIPTORS || status.st_dev != device) refuse("a descriptor above the table, or on another file system,", path);
    if ((flags & O_TMPFILE) == O_TMPFILE) refuse("O_TMPFILE", path);
    if ((flags & O_DIRECT) != 0) refuse("O_DIRECT", path);
    table[descriptor] = (struct tracked){status.st_ino, flags};
    if (is_new) record_path(CREATE, path, status.st_ino);
    else if (is_cut) record(SIZE, NULL, NULL, status.st_ino, 0, NULL, 0, 0);
}

/* --- Start --- */

static void refuse_inherited(void) {
    char path[PATH_MAX];
    for (int descriptor = 0; descriptor < 1024; descriptor++) {
        int flags = REAL(fcntl)(descriptor, F_GETFL);
        if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) continue;
        if (descriptor_path(descriptor, path) && is_recorded(path)) refuse("an inherited descriptor", path);
    }
}

__attribute__((constructor)) static void start(void) {
    const char *directory = getenv("POWERCUT_ROOT"), *log = getenv("POWERCUT_LOG"), *arm = getenv("POWERCUT_ARM");
    if (!directory || !log || !arm) return;
    struct stat status;
    if (!realpath(directory, root) || stat(root, &status) != 0) refuse("the root", directory);
    device = status.st_dev;
    owner = getpid();
    log_descriptor = REAL(open)(log, O_WRONLY | O_APPEND | O_CLOEXEC);
    /* One program a log: a second one would not be counted right. */
    if (log_descriptor < 0 || flock(log_descriptor, LOCK_EX | LOCK_NB) != 0) refuse("a second program with the log", log);
    log_length = (uint64_t)lseek(log_descriptor, 0, SEEK_END);
    int control = REAL(open)(arm, O_RDWR | O_CLOEXEC);
    armed = control < 0 ? MAP_FAILED : REAL(mmap)(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
    if (armed == MAP_FAILED) refuse("the control file", arm);
    REAL(close)(control);
    root_length = strlen(root);
    refuse_inherited();
}

/* --- Writing --- */

static ssize_t write_recorded(int descriptor, struct tracked found, const struct iovec *data, int count, off_t offset) {
    begin_change();
    struct stat status;
    off_t place = offset;
    /* On Linux pwrite appends, too, when the file was opened so. */
    if (found.flags & O_APPEND) place = fstat(descriptor, &status) == 0 ? status.st_size : 0;
    else if (offset < 0) place = lseek(descriptor, 0, SEEK_CUR);
    ssize_t written = offset < 0 ? REAL(writev)(descriptor, data, count) : REAL(pwritev)(descriptor, data, count, offset);
    int error = errno;
    if (written > 0) {
        uint64_t start = record(WRITE, NULL, NULL, found.file, (uint64_t)place, data, count, (size_t)written);
        /* Such a descriptor's write syncs itself, and nothing that was written before. O_SYNC contains O_DSYNC. */
        if (found.flags & O_DSYNC) record(SYNC_WRITE, NULL, NULL, found.file, start, NULL, 0, 0);
    }
    end_change();
    errno = error;
    return written;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(write)(descriptor, bytes, count);
    struct iovec part = {(void *)bytes, count};
    return write_recorded(descriptor, found, &part, 1, -1);
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(writev)(descriptor, parts, count);
    return write_recorded(descriptor, found, parts, count, -1);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(pwrite)(descriptor, bytes, count, offset);
    struct iovec part = {(void *)bytes, count};
    return write_recorded(descriptor, found, &part, 1, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) { return pwrite(descriptor, bytes, count, offset); }

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(pwritev)(descriptor, parts, count, offset);
    return write_recorded(descriptor, found, parts, count, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(descriptor, parts, count, offset);
}

ssize_t pwritev2(int descriptor, const struct iovec *parts, int count, off_t offset, int flags) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(pwritev2)(descriptor, parts, count, offset, flags);
    if (flags != 0) refuse("pwritev2 with flags", NULL);
    return write_recorded(descriptor, found, parts, count, offset);
}

ssize_t pwritev64v2(int descriptor, const struct iovec *parts, int count, off64_t offset, int flags) {
    return pwritev2(descriptor, parts, count, offset, flags);
}

static void refuse_tracked(int descriptor, const char *call) {
    struct tracked found;
    if (find_tracked(descriptor, &found)) refuse(call, NULL);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    refuse_tracked(out, "sendfile");
    return REAL(sendfile)(out, in, offset, count);
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) { return sendfile(out, in, offset, count); }

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t count, unsigned flags) {
    refuse_tracked(out, "copy_file_range");
    return REAL(copy_file_range)(in, from, out, to, count, flags);
}

ssize_t splice(int in, off64_t *from, int out, off64_t *to, size_t count, unsigned flags) {
    refuse_tracked(out, "splice");
    return REAL(splice)(in, from, out, to, count, flags);
}

/* --- Size --- */

static void record_size(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) == 0) record(SIZE, NULL, NULL, status.st_ino, (uint64_t)status.st_size, NULL, 0, 0);
}

int ftruncate(int descriptor, off_t size) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(ftruncate)(descriptor, size);
    begin_change();
    int code = REAL(ftruncate)(descriptor, size), error = errno;
    if (code == 0) record_size(descriptor);
    end_change();
    errno = error;
    return code;
}

int ftruncate64(int descriptor, off64_t size) { return ftruncate(descriptor, size); }

int truncate(const char *path, off_t size) {
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    int code = ftruncate(descriptor, size), error = errno;
    close(descriptor);
    errno = error;
    return code;
}

int truncate64(const char *path, off64_t size) { return truncate(path, size); }

int fallocate(int descriptor, int mode, off_t offset, off_t count) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(fallocate)(descriptor, mode, offset, count);
    /* Room alone, without a new size, changes nothing that can be read. */
    if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE) refuse("fallocate with a mode", NULL);
    begin_change();
    int code = REAL(fallocate)(descriptor, mode, offset, count), error = errno;
    if (code == 0) record_size(descriptor);
    end_change();
    errno = error;
    return code;
}

int fallocate64(int descriptor, int mode, off64_t offset, off64_t count) { return fallocate(descriptor, mode, offset, count); }

int posix_fallocate(int descriptor, off_t offset, off_t count) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return REAL(posix_fallocate)(descriptor, offset, count);
    begin_change();
    int code = REAL(posix_fallocate)(descriptor, offset, count);
    record_size(descriptor);
    end_change();
    return code;
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t count) { return posix_fallocate(descriptor, offset, count); }

/* --- Syncing --- */

static int sync_recorded(int descriptor, int (*call)(int)) {
    struct tracked found;
    if (!find_tracked(descriptor, &found)) return call(descriptor);
    begin_change();
    uint64_t covered = log_end();
    end_change();
    int code = call(descriptor), error = errno;
    if (code == 0) {
        begin_change();
        record(SYNC, NULL, NULL, found.file, covered, NULL, 0, 0);
        end_change();
    }
    errno = error;
    return code;
}

int fsync(int descriptor) { return sync_recorded(descriptor, REAL(fsync)); }
int fdatasync(int descriptor) { return sync_recorded(descriptor, REAL(fdatasync)); }

void sync(void) {
    if (!is_recording()) return REAL(sync)();
    begin_change();
    uint64_t covered = log_end();
    end_change();
    REAL(sync)();
    begin_change();
    record(SYNC_ALL, NULL, NULL, 0, covered, NULL, 0, 0);
    end_change();
}

int syncfs(int descriptor) {
    refuse_tracked(descriptor, "syncfs");
    return REAL(syncfs)(descriptor);
}

/* --- Maps --- */

void *mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset) {
    struct tracked found;
    bool is_shared = !(flags & MAP_ANONYMOUS) && (flags & MAP_TYPE) != MAP_PRIVATE && find_tracked(descriptor, &found);
    if (is_shared && protection & PROT_WRITE) refuse("a writable shared map", NULL);
    void *map = REAL(mmap)(address, length, protection, flags, descriptor, offset);
    if (is_shared && map != MAP_FAILED) {
        pthread_mutex_lock(&change);
        int index = 0;
        while (index < MAPS && shared_maps[index].end != 0) index++;
        if (index == MAPS) refuse("so many shared maps", NULL);
        shared_maps[index].start = (uintptr_t)map;
        shared_maps[index].end = (uintptr_t)map + length;
        pthread_mutex_unlock(&change);
    }
    return map;
}

void *mmap64(void *address, size_t length, int protection, int flags, int descriptor, off64_t offset) {
    return mmap(address, length, protection, flags, descriptor, offset);
}

int munmap(void *address, size_t length) {
    for (int index = 0; is_recording() && index < MAPS; index++) {
        if (shared_maps[index].start == (uintptr_t)address) shared_maps[index].end = 0;
    }
    return REAL(munmap)(address, length);
}

int mprotect(void *address, size_t length, int protection) {
    uintptr_t start = (uintptr_t)address;
    for (int index = 0; is_recording() && protection & PROT_WRITE && index < MAPS; index++) {
        if (start < shared_maps[index].end && start + length > shared_maps[index].start) refuse("mprotect to a writable shared map", NULL);
    }
    return REAL(mprotect)(address, length, protection);
}

/* --- Descriptors --- */

int close(int descriptor) {
    forget(descriptor);
    return REAL(close)(descriptor);
}

int close_range(unsigned first, unsigned last, int flags) {
    for (unsigned index = first; is_recording() && !(flags & CLOSE_RANGE_CLOEXEC) && index <= last && index < DESCRIPTORS; index++) forget((int)index);
    return REAL(close_range)(first, last, flags);
}

static int duplicated(int from, int to) {
    if (to >= DESCRIPTORS) refuse("a descriptor above the table", NULL);
    if (to >= 0 && from >= 0 && from < DESCRIPTORS && from != to) table[to] = table[from];
    return to;
}

int dup(int descriptor) { return duplicated(descriptor, REAL(dup)(descriptor)); }
int dup2(int descriptor, int other) { return duplicated(descriptor, REAL(dup2)(descriptor, other)); }
int dup3(int descriptor, int other, int flags) { return duplicated(descriptor, REAL(dup3)(descriptor, other, flags)); }

int fcntl(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int result = REAL(fcntl)(descriptor, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return duplicated(descriptor, result);
    struct tracked found;
    if (command == F_SETFL && result >= 0 && find_tracked(descriptor, &found)) {
        int flags = (int)(intptr_t)argument;
        table[descriptor].flags = (found.flags & ~O_APPEND) | (flags & O_APPEND);
    }
    return result;
}

int fcntl64(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return fcntl(descriptor, command, argument);
}

/* --- Renaming stands here for its use of `relative` --- */

static int rename_recorded(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    char source[PATH_MAX], target[PATH_MAX];
    bool known = is_recording() && canonical(from_directory, from, source) && canonical(to_directory, to, target);
    if (!known || (!is_recorded(source) && !is_recorded(target))) return REAL(renameat2)(from_directory, from, to_directory, to, flags);
    size_t folder = (size_t)(strrchr(source, '/') - source);
    if (folder != (size_t)(strrchr(target, '/') - target) || strncmp(source, target, folder) != 0) {
        refuse("a rename to another folder", target);
    }
    struct stat status;
    if (lstat(source, &status) == 0 && !S_ISREG(status.st_mode)) refuse("a rename of what isn't a file", source);
    if (flags & ~(unsigned)RENAME_NOREPLACE) refuse("renameat2 with flags", target);
    begin_change();
    int code = REAL(renameat2)(from_directory, from, to_directory, to, flags), error = errno;
    if (code == 0) record_rename(source, target);
    end_change();
    errno = error;
    return code;
}

int rename(const char *from, const char *to) { return rename_recorded(AT_FDCWD, from, AT_FDCWD, to, 0); }

int renameat(int from_directory, const char *from, int to_directory, const char *to) {
    return rename_recorded(from_directory, from, to_directory, to, 0);
}

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
    return rename_recorded(from_directory, from, to_directory, to, flags);
}

/* --- Past the library --- */

long syscall(long number, ...) {
    long values[6];
    va_list arguments;
    va_start(arguments, number);
    for (int index = 0; index < 6; index++) values[index] = va_arg(arguments, long);
    va_end(arguments);
    static const long writing[] = {
        SYS_pwrite64, SYS_write, SYS_pwritev, SYS_pwritev2, SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_openat, SYS_renameat2,
        SYS_unlinkat, SYS_mkdirat, SYS_linkat, SYS_symlinkat, SYS_copy_file_range, SYS_sendfile, SYS_splice, SYS_io_uring_setup,
        SYS_io_setup, SYS_fsync, SYS_fdatasync, SYS_mmap, SYS_dup, SYS_dup3, SYS_close_range,
    };
    long (*call)(long, ...) = REAL(syscall);
    /* The two that this library itself makes go past this check: the log's, and the message of a refusal. */
    bool is_own = (number == SYS_writev && values[0] == log_descriptor) || (number == SYS_write && values[0] == 2);
    for (size_t index = 0; is_recording() && !is_own && index < sizeof writing / sizeof *writing; index++) {
        if (number == writing[index]) refuse("a call by number (syscall)", NULL);
    }
    return call(number, values[0], values[1], values[2], values[3], values[4], values[5]);
}
