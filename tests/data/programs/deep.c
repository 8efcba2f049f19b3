// Calls 50 functions deep along ever other paths, for many different stacks. Usage: deep [SECONDS]
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

typedef uint64_t (*Step)(int depth, uint64_t seed);
static Step steps[8];

static uint64_t mix(uint64_t seed, int rounds) {
    for (int i = 0; i < rounds; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
    }
    return seed;
}

#define STEP(number)                                                                                                   \
    __attribute__((noinline, noclone)) static uint64_t step##number(int depth, uint64_t seed) {                        \
        seed = mix(seed ^ (number), 20);                                                                               \
        if (depth == 0) {                                                                                              \
            return mix(seed, 20000);                                                                                   \
        }                                                                                                              \
        uint64_t result = steps[seed % 8](depth - 1, seed);                                                            \
        return mix(result + (number), 20);                                                                             \
    }

STEP(0)
STEP(1)
STEP(2)
STEP(3)
STEP(4)
STEP(5)
STEP(6)
STEP(7)

static Step steps[8] = {step0, step1, step2, step3, step4, step5, step6, step7};

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 2.0;
    uint64_t seed = 88172645463325252ull;
    while (cpu_seconds() < seconds) {
        seed = step0(47, seed);
        sink += seed;
    }
    return 0;
}
