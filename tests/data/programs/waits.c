// Waits for each reason in a function of its own; the last line of stderr says how long each took by the wall clock.
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int ends[2];

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void nap(void) {
    struct timespec time = {0, 300000000};
    nanosleep(&time, NULL);
}

__attribute__((noinline)) static void computes(void) {
    double until = now(CLOCK_THREAD_CPUTIME_ID) + 0.3;
    volatile double sum = 0;
    while (now(CLOCK_THREAD_CPUTIME_ID) < until)
        for (int i = 0; i < 10000; i++) sum += i;
}

__attribute__((noinline)) static void sleeps(void) {
    struct timespec time = {0, 300000000};
    nanosleep(&time, NULL);
    __asm__ volatile("");
}

__attribute__((noinline)) static void wants_lock(void) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    __asm__ volatile("");
}

__attribute__((noinline)) static void reads_pipe(void) {
    char byte;
    if (read(ends[0], &byte, 1) != 1) perror("read");
    __asm__ volatile("");
}

static void *holds(void *none) {
    pthread_mutex_lock(&mutex);
    if (write(ends[1], "x", 1) != 1) perror("write");
    nap();
    pthread_mutex_unlock(&mutex);
    return none;
}

static void *writes(void *none) {
    nap();
    if (write(ends[1], "x", 1) != 1) perror("write");
    return none;
}

static double timed(void (*function)(void)) {
    double begun = now(CLOCK_MONOTONIC);
    function();
    return now(CLOCK_MONOTONIC) - begun;
}

int main(void) {
    pthread_t thread;
    char byte;
    if (pipe(ends)) return 1;
    double computed = timed(computes);
    double slept = timed(sleeps);
    pthread_create(&thread, NULL, holds, NULL);
    if (read(ends[0], &byte, 1) != 1) return 1; // the lock is taken
    double locked = timed(wants_lock);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, writes, NULL);
    double read = timed(reads_pipe);
    pthread_join(thread, NULL);
    fprintf(stderr, "{\"computes\":%f,\"sleeps\":%f,\"wants_lock\":%f,\"reads_pipe\":%f}\n", computed, slept, locked, read);
    return 0;
}
