// A fixed amount of work, as much as STEPS says when it is built.
#include "truth.h"

int main(void) {
    unsigned long x = 88172645463325252UL;
    for (long i = 0; i < STEPS; i++) STEP(x, 7);
    return x == 0;
}
