// split ITERATIONS: work_heavy, work_medium and work_light do 6, 3 and 1 units an iteration. With -DSHARED all of it is
// done by one leaf that the three call, so that only who follows the stack can tell them apart.
#include "truth.h"

#ifdef SHARED
WORK(leaf, 7)
#undef WORK
#define WORK(name, salt)                                                                     \
    __attribute__((noinline, noclone)) unsigned long name(unsigned long x, long units) {     \
        return leaf(x ^ (salt), units) + (salt); /* added after the call: not a jump */       \
    }
#endif
WORK(work_heavy, 6)
WORK(work_medium, 3)
WORK(work_light, 1)

int main(int argc, char **argv) {
    static unsigned long (*const work[3])(unsigned long, long) = {work_heavy, work_medium, work_light};
    static const long units[3] = {6, 3, 1};
    long long spent[3] = {0};
    volatile unsigned long sink = 88172645463325252UL;
    for (long left = argc > 1 ? atol(argv[1]) : 100; left > 0; left--)
        for (int which = 0; which < 3; which++) {
            long long before = clock_ns(CLOCK_THREAD_CPUTIME_ID);
            sink = work[which](sink, units[which]);
            spent[which] += clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
        }
    tell(spent);
    return 0;
}
