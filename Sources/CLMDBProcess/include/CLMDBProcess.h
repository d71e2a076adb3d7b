// The number by which LMDB knows this process. LMDB asks getpid(2) for it when an environment is made and has no parameter for it.
#ifndef HOLDFAST_CLMDBPROCESS_H
#define HOLDFAST_CLMDBPROCESS_H

#include <sys/types.h>

/// Until the next call, getpid(2) answers the calling thread with `number`; 0: with the process's own again.
void clmdb_process_pretend(pid_t number);

#endif
