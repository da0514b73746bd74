/* Taking all memory of this process, and giving it back. */
#ifndef SCARCE_H
#define SCARCE_H

#include "engine.h"
#include "resources.h"

#include <stdlib.h>
#include <unistd.h>

/* A part of the test in a process of its own, which limits last for. */
static inline int apart(void (*body)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    return wait_child(child);
}

struct block {
    struct block *next;
};

static struct block *blocks;

/* Takes all private memory there is, in ever smaller pieces. */
static inline void take_all(void)
{
    limit(RLIMIT_AS, address_space() + (1 << 20));
    for (size_t size = 1 << 16; size >= sizeof(struct block); size /= 2) {
        struct block *block;
        while ((block = malloc(size)) != NULL) {
            block->next = blocks;
            blocks = block;
        }
    }
}

static inline void give_all_back(void)
{
    limit(RLIMIT_AS, RLIM_INFINITY);
    while (blocks != NULL) {
        struct block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
}

/* Takes all private memory but one piece. */
static inline void take_all_but(size_t size)
{
    /* Or the compiler leaves it out. */
    void *volatile piece = malloc(size);
    take_all();
    free(piece);
}

static inline unsigned area_mappings(void)
{
    return mappings(getpid(), AREA_NAME, NULL);
}

/*
 * The primary in this process has got the first area of the server in this process: one that it cannot
 * map ends the set. It is at work with it when it is mapped twice, and done when it answers.
 */
static inline void area_has_come(const char *name)
{
    vdi_server *another;
    settles_at(area_mappings, 2);
    CHECK_RESULT(vdi_server_open(NULL, name, &another), VD_E_BUSY);
}

#endif
