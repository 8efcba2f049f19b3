// tree ITERATIONS: a tree of processes. In each iteration a forked child does work_heavy, an executed one (this program
// again) does work_medium, half of it in a child of its own, and a thread of the parent does work_light.
#include "truth.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNIT 10
WORK(work_heavy, 6)
WORK(work_medium, 3)
WORK(work_light, 1)

static int truth[2];

// Does a piece of work and tells the parent what it took.
static int piece(unsigned long (*work)(unsigned long, long), long units, int to) {
    long long before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    volatile unsigned long sink = work(88172645463325252UL, units);
    long long took = clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
    (void)sink;
    return write(to, &took, sizeof took) != sizeof took;
}

static int executed(int to) {
    int status;
    if (fork() == 0) _exit(piece(work_medium, UNIT * 3 / 2, to));
    return piece(work_medium, UNIT * 3 / 2, to) || wait(&status) < 0 || status;
}

static void *thread(void *unused) {
    piece(work_light, UNIT, truth[1]);
    return unused;
}

static long long told(void) {
    long long took;
    if (read(truth[0], &took, sizeof took) != sizeof took) exit(1);
    return took;
}

int main(int argc, char **argv) {
    long long spent[3] = {0};
    char to[16];
    int status;
    if (argc > 2) return executed(atoi(argv[2]));
    if (pipe(truth)) return 2;
    snprintf(to, sizeof to, "%d", truth[1]);
    for (long left = argc > 1 ? atol(argv[1]) : 20; left > 0; left--) {
        if (fork() == 0) _exit(piece(work_heavy, UNIT * 6, truth[1]));
        if (wait(&status) < 0 || status) return 1;
        spent[HEAVY] += told();
        if (fork() == 0) {
            execl("/proc/self/exe", argv[0], "executed", to, (char *)0);
            _exit(127);
        }
        if (wait(&status) < 0 || status) return 1;
        spent[MEDIUM] += told() + told();
        pthread_t worker;
        if (pthread_create(&worker, 0, thread, 0) || pthread_join(worker, 0)) return 1;
        spent[LIGHT] += told();
    }
    tell(spent);
    return 0;
}
