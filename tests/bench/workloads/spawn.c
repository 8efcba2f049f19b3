// spawn COUNT PROGRAM: runs a program so many times, one after another.
#include "truth.h"
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    for (long left = atol(argv[1]); left > 0; left--) {
        pid_t child;
        int status;
        if (posix_spawn(&child, argv[2], 0, 0, argv + 2, environ) || waitpid(child, &status, 0) < 0 || status) return 1;
    }
    tell((long long[3]){0});
    return 0;
}
