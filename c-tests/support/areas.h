/*
 * areas.h - the buffer areas that a process has mapped, as the kernel tells
 */
#ifndef AREAS_H
#define AREAS_H

#include "check.h"

#include <stdio.h>
#include <string.h>
#include <sys/types.h>

/* The library makes them as anonymous files of this name. */
#define AREA_NAME "/memfd:vdi-buffers"

/* Bytes of buffer areas that a process has mapped; of a set, if it has no other one open. */
static inline uint64_t area_bytes(pid_t process)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)process);
    FILE *maps = fopen(path, "re");
    CHECK(maps != NULL);
    uint64_t bytes = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        if (strstr(line, AREA_NAME) != NULL && sscanf(line, "%lx-%lx", &start, &end) == 2)
            bytes += end - start;
    }
    fclose(maps);
    return bytes;
}

#endif
