// What the C workloads share: clocks, one unit of work, and the line of truth that each prints on stderr at its end.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { HEAVY, MEDIUM, LIGHT };

static inline long long clock_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline long long usage_ns(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000LL +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000LL;
}

// CPU time of the three functions, of the whole tree, and the moment of the end.
static inline void tell(const long long spent[3]) {
    fprintf(stderr,
            "{\"truth\": {\"work_heavy\": %lld, \"work_medium\": %lld, \"work_light\": %lld}, "
            "\"total_ns\": %lld, \"end_ns\": %lld}\n",
            spent[HEAVY], spent[MEDIUM], spent[LIGHT], usage_ns(RUSAGE_SELF) + usage_ns(RUSAGE_CHILDREN),
            clock_ns(CLOCK_MONOTONIC));
}

#define ROUNDS 1000000L
#define STEP(x, salt) ((x) ^= (x) << 13, (x) ^= (x) >> 7, (x) ^= (x) << 17, (x) += (salt))

// A function that spends `units` units of time in a loop of its own. The salt keeps compilers from merging them.
#define WORK(name, salt)                                                                     \
    __attribute__((noinline, noclone)) unsigned long name(unsigned long x, long units) {     \
        for (long i = 0; i < units * ROUNDS; i++) STEP(x, salt);                             \
        return x;                                                                            \
    }
