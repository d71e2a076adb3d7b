/* Shared by the two halves of the recorder: the log (recorder.c) and calls about names (names.c). */
#ifndef RECORDER_H
#define RECORDER_H

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The system library's function of that name. */
void *real_function(const char *name, void **cache);
#define REAL(name)                                                                                                                         \
    ({                                                                                                                                     \
        static void *cache;                                                                                                                \
        (__typeof__(&name))real_function(#name, &cache);                                                                                   \
    })

/* What a record of the log tells. The numbers are read by DiskLog.swift. */
enum kind {
    CREATE = 1,  /* path, file: an empty file */
    MAKE_DIRECTORY = 2, /* path, file */
    LINK = 3,    /* path, file: one more name */
    UNLINK = 4,  /* path: also of an empty directory */
    RENAME = 5,  /* path NUL path */
    WRITE = 6,   /* file, first: offset, data */
    SIZE = 7,    /* file, first: the new size */
    SYNC = 8,    /* file or directory, first: what stands before this offset of the log is durable */
    SYNC_WRITE = 9, /* file, first: where the one record that is durable stands in the log */
    SYNC_ALL = 10,  /* first: as SYNC, of everything */
};

/* A descriptor of a file or directory below the root. */
struct tracked {
    uint64_t file; /* 0: not of interest */
    int flags;
};

/* Below the root and not excluded by name? Paths are absolute and canonical. */
bool is_recorded(const char *path);
bool is_recording(void);
/* The descriptor's entry, if it is of interest. */
bool find_tracked(int descriptor, struct tracked *found);
void track(int descriptor, int flags, bool is_new, bool is_cut);
void forget(int descriptor);
/* An absolute path whose folders are canonical; its last part needn't exist. False: the folder can't be opened. */
bool canonical(int directory, const char *path, char out[PATH_MAX]);

void begin_change(void);
void end_change(void);
/* All of these between begin_change and end_change. */
uint64_t record(enum kind kind, const char *path, const char *other, uint64_t file, uint64_t first, const struct iovec *data, int count,
                size_t bytes);
void record_path(enum kind kind, const char *path, uint64_t file);
uint64_t log_end(void);

/* Ends the program: what follows couldn't be told from a bug of the program. */
_Noreturn void refuse(const char *call, const char *path);

#endif
