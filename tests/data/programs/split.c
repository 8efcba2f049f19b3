// Spends its CPU time 70/20/10 in hot70, warm20 and cool10, by counted work, and says on stderr what it really was.
// Usage: split [SECONDS [ROUNDS_PER_SWITCH]]. Built with -O2 and without frame pointers by the tests.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile uint64_t sink;

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// The same work in each, so that counts of rounds are shares of time; the salt keeps compilers from merging them.
#define WORK(name, salt)                                                                                                     \
    __attribute__((noinline, noclone)) static uint64_t name(uint64_t rounds, uint64_t seed) {                          \
        seed ^= salt;                                                                                                  \
        for (uint64_t i = 0; i < rounds; i++) {                                                                        \
            seed ^= seed << 13;                                                                                        \
            seed ^= seed >> 7;                                                                                         \
            seed ^= seed << 17;                                                                                        \
        }                                                                                                              \
        sink += seed;                                                                                                  \
        return seed;                                                                                                   \
    }

WORK(hot70, 7)
WORK(warm20, 2)
WORK(cool10, 1)

__attribute__((noinline, noclone)) static uint64_t spread(uint64_t unit, uint64_t seed, double spent[3]) {
    double start = cpu_seconds();
    seed = hot70(7 * unit, seed);
    double hot = cpu_seconds();
    seed = warm20(2 * unit, seed);
    double warm = cpu_seconds();
    seed = cool10(unit, seed);
    double cool = cpu_seconds();
    spent[0] += hot - start;
    spent[1] += warm - hot;
    spent[2] += cool - warm;
    return seed + 1;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 2.0;
    uint64_t unit = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    double spent[3] = {0, 0, 0};
    uint64_t seed = 88172645463325252ull;
    while (cpu_seconds() < seconds) {
        seed = spread(unit, seed, spent);
    }
    double all = spent[0] + spent[1] + spent[2];
    fprintf(stderr, "{\"hot70\": %.6f, \"warm20\": %.6f, \"cool10\": %.6f, \"cpu_seconds\": %.6f}\n", spent[0] / all,
            spent[1] / all, spent[2] / all, cpu_seconds());
    return 0;
}
