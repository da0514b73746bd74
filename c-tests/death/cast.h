/*
 * cast.h - runs of a set in which one process ends at a point, and what the others then say
 */
#ifndef CAST_H
#define CAST_H

#include "board.h"
#include "steps.h"

struct run {
    enum part victim;
    enum ending ending;
    unsigned devices;
    /* The victim ends at this point in this way; with 0 at none. */
    unsigned at;
    enum way way;
    /* With 0 as the point: it is killed so long after its start, unless that is 0, too. */
    unsigned microseconds;
};

/* Counts over all runs. */
struct totals {
    unsigned runs, ends[PARTS], untouched, stops, normal, absent;
    unsigned reasons[VDI_ABORT_INTERNAL + 1];
    /* Longest time from the end of a victim until every survivor had its result. */
    int64_t longest_us;
};
extern struct totals totals;

/* Starts the processes that survive every run; ends them. */
void cast_begin(void);
void cast_end(void);

/* Makes a run and checks all that is left; whether the victim never came to its point. */
int cast_run(const struct run *run);

/* What the victim of the last run had passed, if it came to its own end. */
unsigned cast_points(void);
unsigned cast_writes(void);
/* How long it took to come there, from the start of its process. */
unsigned cast_microseconds(void);

/* Judges what the survivor of a run says. */
void judge(const struct run *run, enum part survivor);

/* A run in words, for messages. */
const char *run_text(const struct run *run);

void totals_print(void);

#endif
