/*
 * resources.h - what a process holds, as the kernel tells, and limits of it
 */
#ifndef RESOURCES_H
#define RESOURCES_H

#include "check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* The library's shared memory is in anonymous files; buffer areas have this name. */
#define SHARED_NAME "/memfd:"
#define AREA_NAME "/memfd:vdi-buffers"

/* Mappings of files whose name contains `name`; their total length, unless `bytes` is NULL. */
static inline unsigned mappings(pid_t process, const char *name, uint64_t *bytes)
{
    char path[64], line[512];
    unsigned count = 0;
    uint64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)process);
    FILE *maps = fopen(path, "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        if (strstr(line, name) == NULL || sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        sum += end - start;
        count++;
    }
    fclose(maps);
    if (bytes != NULL)
        *bytes = sum;
    return count;
}

/* Bytes of buffer areas that a process has mapped; of a set, if it has no other one open. */
static inline uint64_t area_bytes(pid_t process)
{
    uint64_t bytes;
    mappings(process, AREA_NAME, &bytes);
    return bytes;
}

/* Pieces of memory in this process that are shared with other processes. */
static inline unsigned shared_mappings(void)
{
    return mappings(getpid(), SHARED_NAME, NULL);
}

static inline unsigned entries_of(const char *path)
{
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    unsigned count = 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2; /* "." and ".." */
}

/* Descriptors of another process. */
static inline unsigned descriptors_of(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)process);
    return entries_of(path);
}

/* Descriptors of this process, and one that looks. */
static inline unsigned descriptors(void)
{
    return entries_of("/proc/self/fd");
}

static inline unsigned threads(void)
{
    return entries_of("/proc/self/task");
}

/*
 * Returns when what `count` counts has come to this number: other threads of the library may still
 * be letting go of the last set. If they never do, the watchdog ends the test.
 */
static inline void settles_at(unsigned (*count)(void), unsigned wanted)
{
    while (count() != wanted) {
        struct timespec moment = {.tv_nsec = 1000000};
        nanosleep(&moment, NULL);
    }
}

/* Bytes of address space that this process has in use. */
static inline rlim_t address_space(void)
{
    unsigned long pages;
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* What this process may have from now on, of RLIMIT_NOFILE, RLIMIT_AS, ... */
static inline void limit(int resource, rlim_t value)
{
    struct rlimit limits;
    CHECK(getrlimit(resource, &limits) == 0);
    limits.rlim_cur = value;
    CHECK(setrlimit(resource, &limits) == 0);
}

#endif
