// Asks for the time again and again: most of it is spent in the kernel's page of code, the vdso.
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static volatile int64_t sink;

__attribute__((noinline, noclone)) static void ask(void) {
    struct timespec now;
    for (int i = 0; i < 10000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        sink += now.tv_nsec;
    }
}

int main(int argc, char **argv) {
    struct timespec used = {0, 0};
    double seconds = argc > 1 ? atof(argv[1]) : 1.0;
    while ((double)used.tv_sec + (double)used.tv_nsec / 1e9 < seconds) {
        ask();
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    }
    return 0;
}
