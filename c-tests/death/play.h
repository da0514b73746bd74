#ifndef PLAY_H
#define PLAY_H

#include "board.h"

#include <time.h>

#define SIZE 4096

static inline void moment(void)
{
    struct timespec time = {.tv_nsec = 100000};
    nanosleep(&time, NULL);
}

/* A call that succeeds, or tells of the abort. */
static inline int goes_on(vdi_result result)
{
    if (result != NOERROR)
        CHECK_RESULT(result, VD_E_ABORT);
    return result == NOERROR;
}

/* Whether this process ends its part before its time. */
static inline int ends_by(enum ending ending)
{
    return is_victim && board->ending == ending;
}

void server_plays(struct report *report);
void server_leaves(void);
void client_plays(enum part part, struct report *report);
void client_leaves(void);

/* What a buffer of a command holds. */
static inline uint8_t mark(unsigned device, unsigned round)
{
    return (uint8_t)(1 + 16 * round + device);
}

#endif
