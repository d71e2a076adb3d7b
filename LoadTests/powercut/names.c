/* The recorder's calls that open files and change names; see recorder.c. */
#include "recorder.h"

#include <aio.h>

static int open_recorded(int directory, const char *path, int flags, mode_t mode) {
    bool may_change = flags & (O_CREAT | O_TRUNC);
    if (!is_recording() || !may_change) {
        int descriptor = REAL(openat)(directory, path, flags, mode);
        int error = errno;
        if (descriptor >= 0) track(descriptor, flags, false, false);
        errno = error;
        return descriptor;
    }
    struct stat status;
    begin_change();
    bool existed = fstatat(directory, path, &status, 0) == 0;
    int descriptor = REAL(openat)(directory, path, flags, mode);
    int error = errno;
    if (descriptor >= 0) track(descriptor, flags, !existed, existed && flags & O_TRUNC);
    end_change();
    errno = error;
    return descriptor;
}

static mode_t mode_argument(int flags, va_list arguments) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                                                                                         \
    int name(const char *path, int flags, ...) {                                                                                           \
        va_list arguments;                                                                                                                 \
        va_start(arguments, flags);                                                                                                        \
        mode_t mode = mode_argument(flags, arguments);                                                                                     \
        va_end(arguments);                                                                                                                 \
        return open_recorded(AT_FDCWD, path, flags, mode);                                                                                 \
    }
#define OPENAT(name)                                                                                                                       \
    int name(int directory, const char *path, int flags, ...) {                                                                            \
        va_list arguments;                                                                                                                 \
        va_start(arguments, flags);                                                                                                        \
        mode_t mode = mode_argument(flags, arguments);                                                                                     \
        va_end(arguments);                                                                                                                 \
        return open_recorded(directory, path, flags, mode);                                                                                \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
/* What open becomes in programs that are built with checks. */
int __open_2(const char *path, int flags) { return open_recorded(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_recorded(AT_FDCWD, path, flags, 0); }
int __openat_2(int directory, const char *path, int flags) { return open_recorded(directory, path, flags, 0); }
int __openat64_2(int directory, const char *path, int flags) { return open_recorded(directory, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open_recorded(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* --- Names --- */

static int unlink_recorded(int directory, const char *path, int flags) {
    char full[PATH_MAX];
    if (!is_recording() || !canonical(directory, path, full) || !is_recorded(full)) return REAL(unlinkat)(directory, path, flags);
    begin_change();
    int code = REAL(unlinkat)(directory, path, flags), error = errno;
    if (code == 0) record_path(UNLINK, full, 0);
    end_change();
    errno = error;
    return code;
}

int unlink(const char *path) { return unlink_recorded(AT_FDCWD, path, 0); }
int unlinkat(int directory, const char *path, int flags) { return unlink_recorded(directory, path, flags); }
int rmdir(const char *path) { return unlink_recorded(AT_FDCWD, path, AT_REMOVEDIR); }

int remove(const char *path) {
    struct stat status;
    return unlink_recorded(AT_FDCWD, path, lstat(path, &status) == 0 && S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0);
}

int mkdirat(int directory, const char *path, mode_t mode) {
    char full[PATH_MAX];
    if (!is_recording() || !canonical(directory, path, full) || !is_recorded(full)) return REAL(mkdirat)(directory, path, mode);
    begin_change();
    struct stat status;
    int code = REAL(mkdirat)(directory, path, mode), error = errno;
    if (code == 0 && lstat(full, &status) == 0) record_path(MAKE_DIRECTORY, full, status.st_ino);
    end_change();
    errno = error;
    return code;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
    char full[PATH_MAX];
    if (!is_recording() || !canonical(to_directory, to, full) || !is_recorded(full)) {
        return REAL(linkat)(from_directory, from, to_directory, to, flags);
    }
    char source[PATH_MAX];
    if (!canonical(from_directory, from, source) || !is_recorded(source)) refuse("a link to a file outside", full);
    begin_change();
    struct stat status;
    int code = REAL(linkat)(from_directory, from, to_directory, to, flags), error = errno;
    if (code == 0 && lstat(full, &status) == 0) record_path(LINK, full, status.st_ino);
    end_change();
    errno = error;
    return code;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

static void refuse_recorded(int directory, const char *path, const char *call) {
    char full[PATH_MAX];
    if (is_recording() && canonical(directory, path, full) && is_recorded(full)) refuse(call, full);
}

int symlinkat(const char *target, int directory, const char *path) {
    refuse_recorded(directory, path, "symlink");
    return REAL(symlinkat)(target, directory, path);
}

int symlink(const char *target, const char *path) { return symlinkat(target, AT_FDCWD, path); }

/* --- Temporary files: the C library opens them without asking us --- */

#define TEMPORARY(name, parameters, arguments)                                                                                             \
    int name parameters {                                                                                                                  \
        if (!is_recording()) return REAL(name) arguments;                                                                                  \
        begin_change();                                                                                                                    \
        int descriptor = REAL(name) arguments, error = errno;                                                                              \
        if (descriptor >= 0) track(descriptor, O_RDWR, true, false);                                                                       \
        end_change();                                                                                                                      \
        errno = error;                                                                                                                     \
        return descriptor;                                                                                                                 \
    }
TEMPORARY(mkstemp, (char *path), (path))
TEMPORARY(mkstemp64, (char *path), (path))
TEMPORARY(mkostemp, (char *path, int flags), (path, flags))
TEMPORARY(mkostemp64, (char *path, int flags), (path, flags))
TEMPORARY(mkstemps, (char *path, int suffix), (path, suffix))
TEMPORARY(mkstemps64, (char *path, int suffix), (path, suffix))
TEMPORARY(mkostemps, (char *path, int suffix, int flags), (path, suffix, flags))
TEMPORARY(mkostemps64, (char *path, int suffix, int flags), (path, suffix, flags))

char *mkdtemp(char *path) {
    refuse_recorded(AT_FDCWD, path, "mkdtemp");
    return REAL(mkdtemp)(path);
}

/* --- Streams: the C library writes them without asking us --- */

static void refuse_writing(const char *path, const char *mode) {
    if (mode && (mode[0] != 'r' || strchr(mode, '+'))) refuse_recorded(AT_FDCWD, path, "a stream for writing (fopen)");
}

FILE *fopen(const char *path, const char *mode) {
    refuse_writing(path, mode);
    return REAL(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }

FILE *freopen(const char *path, const char *mode, FILE *stream) {
    if (path) refuse_writing(path, mode);
    return REAL(freopen)(path, mode, stream);
}

FILE *freopen64(const char *path, const char *mode, FILE *stream) { return freopen(path, mode, stream); }

FILE *fdopen(int descriptor, const char *mode) {
    struct tracked found;
    if (find_tracked(descriptor, &found) && (mode[0] != 'r' || strchr(mode, '+'))) refuse("a stream for writing (fdopen)", NULL);
    return REAL(fdopen)(descriptor, mode);
}

int vdprintf(int descriptor, const char *format, va_list arguments) {
    struct tracked found;
    if (find_tracked(descriptor, &found)) refuse("dprintf", NULL);
    return REAL(vdprintf)(descriptor, format, arguments);
}

int dprintf(int descriptor, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int count = vdprintf(descriptor, format, arguments);
    va_end(arguments);
    return count;
}

/* --- Writing in the background --- */

static void refuse_background(int descriptor) {
    struct tracked found;
    if (find_tracked(descriptor, &found)) refuse("a write in the background (aio)", NULL);
}

int aio_write(struct aiocb *block) {
    refuse_background(block->aio_fildes);
    return REAL(aio_write)(block);
}

int aio_write64(struct aiocb64 *block) {
    refuse_background(block->aio_fildes);
    return REAL(aio_write64)(block);
}

int lio_listio(int mode, struct aiocb *const list[], int count, struct sigevent *event) {
    for (int index = 0; index < count; index++) if (list[index]) refuse_background(list[index]->aio_fildes);
    return REAL(lio_listio)(mode, list, count, event);
}
