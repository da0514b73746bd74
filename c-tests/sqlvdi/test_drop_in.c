/*
 * Programs that are there already: each was compiled against a header and linked with a library, ours
 * or another vendor's, and runs with ours in the place of the other one. SDK_AGENTS lists the programs,
 * SDK_LIBRARY is the directory of our library, SDK_OTHER that of the other one.
 */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES (8 * STAGE_SIZE)

static char name[NAME_SIZE];

/* Starts a program with the libraries of a directory, and with one that is loaded before all others. */
static pid_t start(const char *program, const char *libraries, const char *first, const char *file)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(setenv("LD_LIBRARY_PATH", libraries, 1) == 0);
        if (first != NULL)
            CHECK(setenv("LD_PRELOAD", first, 1) == 0);
        execl(program, program, name, file, (char *)NULL);
        _exit(127);
    }
    return child;
}

/* A statement that the program takes part in. */
static void statement(pid_t agent, const char *direction)
{
    char bytes[16];
    snprintf(bytes, sizeof bytes, "%d", BYTES);
    CHECK_EQUAL(wait_exit(spawn_role("engine", name, "1", bytes, direction, (char *)NULL)), 0);
    CHECK_EQUAL(wait_child(agent), 0);
}

/* The program that is linked with the other library finds ours by its name. [LNX-03, LNX-05] */
static void runs(const char *program)
{
    static uint8_t content[BYTES + 1];
    char file[256];
    snprintf(file, sizeof file, "%s/stream", test_directory());
    CHECK_EQUAL(wait_child(start(program, SDK_OTHER, NULL, file)), 2);
    statement(start(program, SDK_LIBRARY, NULL, file), "backup");
    FILE *stream = fopen(file, "re");
    CHECK(stream != NULL);
    CHECK_EQUAL(fread(content, 1, sizeof content, stream), BYTES);
    CHECK(stage_matches(content, BYTES, 0) && fclose(stream) == 0);
    statement(start(program, SDK_OTHER, SDK_LIBRARY "/libsqlvdi.so", file), "restore");
}

static void run(void)
{
    char programs[] = SDK_AGENTS, *rest = programs;
    unique_name(name);
    for (char *program; (program = strsep(&rest, ":")) != NULL;)
        runs(program);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {{"engine", stage_engine_role}, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
