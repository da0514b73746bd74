/*
 * old_kernel PROGRAM [ARGUMENT...]: runs a program as if on Linux 5.10, in what the library notices.
 */
#include "old_kernel.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const struct lack lacks[MAX_LACKS] = LINUX_5_10;
    CHECK(argc > 1);
    live_with(lacks);
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 1;
}
