/* Deep stacks from a binary with debug information: `deep TURNS DEPTH WAYS [THREADS]`.
 *
 * Each thread goes TURNS times down DEPTH calls, choosing one of eight functions at each, computes for some 20 µs and
 * comes back.
 * WAYS is how many different ways down there are: 16 repeat, 0 hardly ever does. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define KEEP __attribute__((noinline))
typedef struct { uint64_t way; uint64_t sum; } State;
typedef void (*Step)(State *, int);
static Step steps[8];

static inline uint64_t next(uint64_t x) {
    x ^= x << 13;
    x ^= x >> 7;
    return x ^ x << 17;
}

KEEP static void leaf(State *s) {
    uint64_t x = s->sum | 1;
    for (int i = 0; i < 20000; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    s->sum = x;
}

static inline void down(State *s, int depth) {
    if (depth == 0) {
        leaf(s);
        return;
    }
    s->way = next(s->way);
    steps[s->way >> 40 & 7](s, depth - 1);
    s->sum++;
}

#define STEP(name) KEEP static void name(State *s, int depth) { down(s, depth); s->sum += depth; }
STEP(parse) STEP(scan) STEP(visit) STEP(apply) STEP(fold) STEP(merge) STEP(split) STEP(emit)
static Step steps[8] = {parse, scan, visit, apply, fold, merge, split, emit};

static uint64_t turns;
static int depth;
static uint64_t ways;

static void *work(void *seed) {
    State s = {0, (uintptr_t)seed};
    uint64_t turn = (uintptr_t)seed << 32;
    for (uint64_t left = turns; left; left--) {
        turn++;
        s.way = next((ways ? turn % ways : turn) * 0x9E3779B97F4A7C15u + 1);
        down(&s, depth);
    }
    return (void *)(uintptr_t)s.sum;
}

int main(int argc, char **argv) {
    turns = argc > 1 ? strtoull(argv[1], 0, 10) : 1000;
    depth = argc > 2 ? atoi(argv[2]) : 50;
    ways = argc > 3 ? strtoull(argv[3], 0, 10) : 16;
    int threads = argc > 4 ? atoi(argv[4]) : 1;
    pthread_t others[64];
    for (int i = 1; i < threads && i < 64; i++) pthread_create(&others[i], 0, work, (void *)(uintptr_t)(i + 1));
    uintptr_t sum = (uintptr_t)work((void *)1);
    for (int i = 1; i < threads && i < 64; i++) {
        void *other;
        pthread_join(others[i], &other);
        sum += (uintptr_t)other;
    }
    printf("%lu\n", (unsigned long)sum);
    return 0;
}
