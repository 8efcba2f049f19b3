// A thread, a forked child and a child that executes this program anew, each with its own function, all equally busy.
// Usage: family [SECONDS each]
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t sink;
static double seconds = 0.5;

static double thread_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// The salt keeps compilers from merging them.
#define WORK(name, salt)                                                                                               \
    __attribute__((noinline, noclone)) static void name(void) {                                                        \
        double start = thread_seconds();                                                                               \
        uint64_t seed = 88172645463325252ull ^ (salt);                                                                 \
        while (thread_seconds() - start < seconds) {                                                                   \
            for (int i = 0; i < 200000; i++) {                                                                         \
                seed ^= seed << 13;                                                                                    \
                seed ^= seed >> 7;                                                                                     \
                seed ^= seed << 17;                                                                                    \
            }                                                                                                          \
        }                                                                                                              \
        sink += seed;                                                                                                  \
    }

WORK(work_of_main, 1)
WORK(work_of_thread, 2)
WORK(work_of_fork, 3)
WORK(work_of_exec, 4)

static void *in_thread(void *unused) {
    (void)unused;
    prctl(PR_SET_NAME, "worker");
    work_of_thread();
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        seconds = atof(argv[1]);
    }
    if (argc > 2) {
        work_of_exec();
        return 0;
    }
    pid_t forked = fork();
    if (forked == 0) {
        work_of_fork();
        _exit(0);
    }
    pid_t executed = fork();
    if (executed == 0) {
        char text[32];
        snprintf(text, sizeof text, "%f", seconds);
        execl(argv[0], "family", text, "again", (char *)NULL);
        _exit(127);
    }
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    work_of_main();
    pthread_join(thread, NULL);
    waitpid(forked, NULL, 0);
    waitpid(executed, NULL, 0);
    return 0;
}
