/*
 * Small programs that do, or forget, what makes data durable: does `holdfast-load powercut` tell them apart?
 *
 *   canary write KIND DIRECTORY          puts 1, 2, 3... in place and says each when it is taken for durable
 *   canary check KIND DIRECTORY NUMBER   are the numbers up to this one there, and whole?
 *
 *   file             written beside, synced, renamed, the folder synced
 *   file-unsynced    the same without the file's sync
 *   file-unlisted    the same without the folder's sync
 *   append           lines at the end of one file, each synced
 *   append-unsynced  the same without the sync
 *   lmdb             a transaction each; what an earlier run has left is synced, then said
 *   lmdb-unsynced    the same with MDB_NOSYNC
 *   lmdb-untested    the same, but what an earlier run has left is said as it is found: that run may have been killed before its sync
 */
#include <fcntl.h>
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_BYTES 3000
#define LAST 1000000

static const char *directory;

static void fail(const char *what) {
    fprintf(stderr, "canary: %s\n", what);
    exit(1);
}

static void require(int is_good, const char *what) {
    if (!is_good) fail(what);
}

static void say(unsigned number) { dprintf(STDOUT_FILENO, "%u\n", number); }

static void fill(unsigned char value[VALUE_BYTES], unsigned number) {
    for (size_t index = 0; index < VALUE_BYTES; index++) value[index] = (unsigned char)(number * 31 + index);
    memcpy(value, &number, sizeof number);
}

static const char *path(const char *name) {
    static char text[2][4096];
    static int turn;
    turn = !turn;
    snprintf(text[turn], sizeof text[turn], "%s/%s", directory, name);
    return text[turn];
}

static void write_files(int syncs_file, int syncs_folder) {
    unsigned char value[VALUE_BYTES];
    for (unsigned number = 1; number < LAST; number++) {
        fill(value, number);
        int file = open(path("value.new"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        require(file >= 0 && write(file, value, sizeof value) == sizeof value, "write");
        require(!syncs_file || fsync(file) == 0, "sync");
        close(file);
        require(rename(path("value.new"), path("value")) == 0, "rename");
        int folder = open(directory, O_RDONLY | O_DIRECTORY);
        require(folder >= 0 && (!syncs_folder || fsync(folder) == 0), "sync the folder");
        close(folder);
        say(number);
    }
}

static void check_files(unsigned acknowledged) {
    unsigned char value[VALUE_BYTES], expected[VALUE_BYTES];
    unsigned number = 0;
    int file = open(path("value"), O_RDONLY);
    if (file < 0 && acknowledged == 0) return;
    require(file >= 0, "the file is gone");
    require(read(file, value, sizeof value) == sizeof value, "the file is short");
    memcpy(&number, value, sizeof number);
    fill(expected, number);
    require(memcmp(value, expected, sizeof value) == 0, "the file is torn");
    require(number >= acknowledged, "the file is old");
}

static void write_lines(int syncs) {
    int file = open(path("lines"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    int folder = open(directory, O_RDONLY | O_DIRECTORY);
    require(file >= 0 && folder >= 0 && fsync(folder) == 0, "open");
    for (unsigned number = 1; number < LAST; number++) {
        char line[800];
        int bytes = snprintf(line, sizeof line, "%0700u\n", number);
        require(write(file, line, (size_t)bytes) == bytes, "write");
        require(!syncs || fdatasync(file) == 0, "sync");
        say(number);
    }
}

static void check_lines(unsigned acknowledged) {
    FILE *file = fopen(path("lines"), "r");
    if (!file && acknowledged == 0) return;
    require(file != NULL, "the file is gone");
    char line[800];
    for (unsigned number = 1; number <= acknowledged; number++) {
        require(fgets(line, sizeof line, file) && strlen(line) == 701 && (unsigned)atoi(line) == number, "a line is missing");
    }
}

static MDB_env *open_lmdb(unsigned flags) {
    MDB_env *env;
    require(mdb_env_create(&env) == 0 && mdb_env_set_mapsize(env, 1 << 28) == 0, "create");
    require(mdb_env_open(env, directory, flags, 0600) == 0, "open the environment");
    return env;
}

static unsigned last_entry(MDB_env *env) {
    MDB_stat status;
    require(mdb_env_stat(env, &status) == 0, "read");
    return (unsigned)status.ms_entries;
}

static void write_lmdb(unsigned flags, int syncs_found) {
    MDB_env *env = open_lmdb(flags);
    int folder = open(directory, O_RDONLY | O_DIRECTORY);
    require(folder >= 0 && fsync(folder) == 0, "sync the folder");
    require(!syncs_found || mdb_env_sync(env, 1) == 0, "sync what was found");
    unsigned char value[VALUE_BYTES];
    unsigned found = last_entry(env);
    if (found > 0) say(found);
    for (unsigned number = found + 1; number < LAST; number++) {
        MDB_txn *transaction;
        MDB_dbi table;
        uint32_t key = __builtin_bswap32(number);
        fill(value, number);
        MDB_val name = {sizeof key, &key}, content = {sizeof value, value};
        require(mdb_txn_begin(env, NULL, 0, &transaction) == 0 && mdb_dbi_open(transaction, NULL, 0, &table) == 0, "begin");
        require(mdb_put(transaction, table, &name, &content, 0) == 0 && mdb_txn_commit(transaction) == 0, "commit");
        say(number);
    }
}

static void check_lmdb(unsigned acknowledged) {
    /* A cut in the making of the environment leaves one that LMDB doesn't open: nothing was promised yet. */
    if (acknowledged == 0) return;
    MDB_env *env = open_lmdb(0);
    MDB_txn *transaction;
    MDB_dbi table;
    require(mdb_txn_begin(env, NULL, MDB_RDONLY, &transaction) == 0 && mdb_dbi_open(transaction, NULL, 0, &table) == 0, "begin");
    unsigned char expected[VALUE_BYTES];
    for (unsigned number = 1; number <= acknowledged; number++) {
        uint32_t key = __builtin_bswap32(number);
        MDB_val name = {sizeof key, &key}, content;
        require(mdb_get(transaction, table, &name, &content) == 0, "an entry is missing");
        fill(expected, number);
        require(content.mv_size == VALUE_BYTES && memcmp(content.mv_data, expected, VALUE_BYTES) == 0, "an entry is damaged");
    }
    mdb_txn_abort(transaction);
}

int main(int count, char **words) {
    if (count < 4) fail("usage: canary write|check KIND DIRECTORY [NUMBER]");
    const char *kind = words[2];
    int writes = strcmp(words[1], "write") == 0;
    int forgets = strstr(kind, "-un") != NULL;
    unsigned acknowledged = count > 4 ? (unsigned)atoi(words[4]) : 0;
    directory = words[3];
    if (strncmp(kind, "file", 4) == 0) {
        if (writes) write_files(strcmp(kind, "file-unsynced") != 0, strcmp(kind, "file-unlisted") != 0);
        else check_files(acknowledged);
    } else if (strncmp(kind, "append", 6) == 0) {
        if (writes) write_lines(!forgets);
        else check_lines(acknowledged);
    } else if (strncmp(kind, "lmdb", 4) == 0) {
        if (writes) write_lmdb(strcmp(kind, "lmdb-unsynced") == 0 ? MDB_NOSYNC : 0, !forgets);
        else check_lmdb(acknowledged);
    } else {
        fail("unknown kind");
    }
    return 0;
}
