/*
 * victim_checks.h - what a victim checks of a call and of what it was given; see victim.h
 */
#ifndef VICTIM_CHECKS_H
#define VICTIM_CHECKS_H

#include "harness.h"

#include <stdio.h>
#include <string.h>

/* The call returns one of the codes that follow. */
#define CHECK_AMONG(call, ...) \
    check_among(__FILE__, __LINE__, #call, (call), (const vdi_result[]){__VA_ARGS__, CODE_END})
#define CODE_END 1

static inline vdi_result check_among(const char *file, int line, const char *call,
                                     vdi_result found, const vdi_result *wanted)
{
    for (; *wanted != CODE_END; wanted++)
        if (found == *wanted)
            return found;
    check_failed(file, line, "%s is %s; %s", call, vdi_result_name(found),
                 vdi_last_error_message());
}

/* The memory that was handed out is part of a buffer area: no byte of it is anywhere else. */
static inline void check_inside_an_area(const uint8_t *address, size_t prefix, size_t size)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        if (strstr(line, "area") == NULL && strstr(line, "vdi-buffers") == NULL)
            continue;
        CHECK(sscanf(line, "%lx-%lx", &start, &end) == 2);
        if ((uintptr_t)address - prefix >= start && (uintptr_t)address + size <= end) {
            fclose(maps);
            return;
        }
    }
    check_failed(__FILE__, __LINE__, "%zu bytes at %p are in no buffer area", size,
                 (const void *)address);
}

/* An abort has one of the documented reasons. */
#define CHECK_REASON(call, handle) \
    do { \
        uint32_t reason; \
        char text[256]; \
        vdi_result result = call(handle, &reason, text, sizeof text); \
        CHECK_RESULT(result, NOERROR); \
        CHECK(reason <= VDI_ABORT_INTERNAL); \
        CHECK(strlen(text) < sizeof text); \
    } while (0)

#endif
