// Three callers share one leaf, which has no frame of its own: 70, 20 and 10 % of the time belong to them. Tools that
// follow frame pointers only lose the caller. Says on stderr what it really was. Usage: shared_leaf [SECONDS]
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

__attribute__((noinline, noclone)) static uint64_t leaf(uint64_t rounds, uint64_t seed) {
    for (uint64_t i = 0; i < rounds; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
    }
    return seed;
}

// What comes after the call keeps it from becoming a jump.
__attribute__((noinline, noclone)) static uint64_t caller70(uint64_t unit, uint64_t seed) {
    seed = leaf(7 * unit, seed);
    sink += seed;
    return seed + 7;
}

__attribute__((noinline, noclone)) static uint64_t caller20(uint64_t unit, uint64_t seed) {
    seed = leaf(2 * unit, seed);
    sink += seed;
    return seed + 2;
}

__attribute__((noinline, noclone)) static uint64_t caller10(uint64_t unit, uint64_t seed) {
    seed = leaf(unit, seed);
    sink += seed;
    return seed + 1;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 2.0;
    double spent[3] = {0, 0, 0};
    uint64_t seed = 88172645463325252ull;
    while (cpu_seconds() < seconds) {
        double start = cpu_seconds();
        seed = caller70(100000, seed);
        double first = cpu_seconds();
        seed = caller20(100000, seed);
        double second = cpu_seconds();
        seed = caller10(100000, seed);
        spent[0] += first - start;
        spent[1] += second - first;
        spent[2] += cpu_seconds() - second;
    }
    double all = spent[0] + spent[1] + spent[2];
    fprintf(stderr, "{\"caller70\": %.6f, \"caller20\": %.6f, \"caller10\": %.6f, \"cpu_seconds\": %.6f}\n",
            spent[0] / all, spent[1] / all, spent[2] / all, cpu_seconds());
    return 0;
}
