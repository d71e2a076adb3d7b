// LMDB of the system. Needs no wrapper: everything that HoldfastStorage calls is a plain function or a plain constant.
#pragma once
#include <lmdb.h>
