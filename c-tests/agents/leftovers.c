/*
 * leftovers.c - tells at the end of a program which descriptors it has left open; loaded into it
 * before the C library
 *
 * What was there when the program started is not its own.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 256 };

static char known[MOST];

static void each_descriptor(void (*step)(int number))
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        abort();
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int number = atoi(entry->d_name);
        if (number > STDERR_FILENO && number < MOST && number != dirfd(directory))
            step(number);
    }
    closedir(directory);
}

static void know(int number)
{
    known[number] = 1;
}

static char left[PATH_MAX];

/* Two descriptors the library keeps for its next set. See decision 28. */
static void look(int number)
{
    char link[64], target[PATH_MAX - 64] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", number);
    if (known[number] || readlink(link, target, sizeof target - 1) < 0 ||
        strncmp(target, "anon_inode:[event", 17) == 0)
        return;
    snprintf(left, sizeof left, "descriptor %d remains: %s\n", number, target);
}

/* Whether this is one of the programs under test, and not one that they have started. */
static int is_meant(void)
{
    char path[PATH_MAX] = "";
    const char *programs = getenv("VDI_TEST_PROGRAMS");
    return programs != NULL && readlink("/proc/self/exe", path, sizeof path - 1) > 0 &&
           strncmp(path, programs, strlen(programs)) == 0;
}

__attribute__((constructor)) static void begin(void)
{
    each_descriptor(know);
}

/* The library's thread may still be letting go of the last set. */
__attribute__((destructor)) static void end(void)
{
    if (!is_meant())
        return;
    for (int round = 0; round < 5000; round++) {
        struct timespec moment = {.tv_nsec = 1000000};
        left[0] = '\0';
        each_descriptor(look);
        if (left[0] == '\0')
            return;
        nanosleep(&moment, NULL);
    }
    fputs(left, stderr);
}
