// Touches fresh pages in one function and computes in another, and says what the kernel counted: its page faults.
// `pages PAGES [PAGES OF A CHILD]`
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, REGION = 4096 };

__attribute__((noinline)) static void touch(volatile char *region, long pages) {
    for (long done = 0; done < pages; done += REGION) {
        for (long page = 0; page < REGION && done + page < pages; page++)
            region[page * PAGE] = 1;
        madvise((void *)region, (size_t)REGION * PAGE, MADV_DONTNEED);
    }
}

__attribute__((noinline)) static unsigned compute(unsigned rounds) {
    volatile unsigned value = 1;
    for (unsigned round = 0; round < rounds; round++)
        value = value * 1664525u + 1013904223u;
    return value;
}

static void work(long pages) {
    size_t size = (size_t)REGION * PAGE;
    char *region = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED)
        exit(1);
    madvise(region, size, MADV_NOHUGEPAGE);
    touch(region, pages);
    compute(50u * 1000 * 1000);
}

int main(int argc, char **argv) {
    long child_pages = argc > 2 ? atol(argv[2]) : 0;
    pid_t child = child_pages > 0 ? fork() : -1;
    work(child == 0 ? child_pages : atol(argv[1]));
    struct rusage own;
    getrusage(RUSAGE_SELF, &own);
    if (child > 0)
        waitpid(child, NULL, 0);
    printf("%d %ld\n", (int)getpid(), own.ru_minflt + own.ru_majflt);
    return 0;
}
