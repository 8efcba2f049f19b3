// Runs for a while before anybody looks: a thread and a child are at work. At a line on stdin a new thread and a new child
// begin; at the end of stdin all stop. Says `ready` and `more` on stdout, and exits with 3.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t sink;
static volatile int stop;

#define WORK(name, salt)                                                                                               \
    __attribute__((noinline, noclone)) static void *name(void *unused) {                                               \
        uint64_t seed = salt;                                                                                          \
        while (!stop) {                                                                                                \
            for (int i = 0; i < 100000; i++) {                                                                         \
                seed ^= seed << 13;                                                                                    \
                seed ^= seed >> 7;                                                                                     \
                seed ^= seed << 17;                                                                                    \
            }                                                                                                          \
            sink += seed;                                                                                              \
        }                                                                                                              \
        return unused;                                                                                                 \
    }

WORK(work_of_old_thread, 1)
WORK(work_of_old_child, 2)
WORK(work_of_new_thread, 3)
WORK(work_of_new_child, 4)

static pid_t child(void *(*work)(void *)) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(NULL);
        _exit(0);
    }
    return pid;
}

static void say(const char *word) {
    puts(word);
    fflush(stdout);
}

int main(void) {
    pthread_t threads[2];
    pid_t children[2];
    children[0] = child(work_of_old_child);
    pthread_create(&threads[0], NULL, work_of_old_thread, NULL);
    pthread_setname_np(threads[0], "old-worker");
    say("ready");
    char line[64];
    int more = fgets(line, sizeof line, stdin) != NULL;
    if (more) {
        children[1] = child(work_of_new_child);
        pthread_create(&threads[1], NULL, work_of_new_thread, NULL);
        say("more");
    }
    while (fgets(line, sizeof line, stdin)) {
    }
    stop = 1;
    for (int i = 0; i <= more; i++) {
        pthread_join(threads[i], NULL);
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    return 3;
}
