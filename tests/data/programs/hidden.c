// Sleeps where nobody but root may look at it.
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    usleep(400000);
    return 0;
}
