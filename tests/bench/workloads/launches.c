// launches COUNT PROGRAM: runs a program so many times, one after another, and prints how long one took from before the
// spawn to after the wait: the least that measuring it can take.
#include "truth.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    long count = atol(argv[1]);
    long long sum = 0;
    for (long left = count; left > 0; left--) {
        pid_t child;
        int status;
        long long before = clock_ns(CLOCK_MONOTONIC);
        if (posix_spawn(&child, argv[2], 0, 0, argv + 2, environ) || waitpid(child, &status, 0) < 0 || status) return 1;
        sum += clock_ns(CLOCK_MONOTONIC) - before;
    }
    printf("{\"mean_ns\": %f}\n", (double)sum / count);
    return 0;
}
