/*
 * One process of a set ends at its n-th point, for every n, until a run comes to its own end: the
 * others get the result that is specified, nothing is left, and the name is free.
 *
 * VDI_DEATH=all goes to every point; else only to some, which VDI_DEATH_SEED chooses.
 */
#include "cast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Points of each kind of run, unless all are wanted. */
#define SOME 24
/* Runs that come to their end, in a row, before no point is left: the count is not quite fixed. */
#define ENOUGH 3

static unsigned seed;
static int all;

static void every_point(struct run run)
{
    run.at = 0;
    CHECK(cast_run(&run));
    unsigned points = cast_points();
    CHECK(cast_writes() > 0 && cast_writes() < points);
    unsigned stride = all || points <= SOME ? 1 : points / SOME;
    unsigned untouched = 0, ended = 0;
    for (run.at = 1 + seed++ % stride; untouched < ENOUGH; run.at += stride)
        if (cast_run(&run)) {
            untouched++;
        } else {
            untouched = 0;
            ended++;
        }
    CHECK(ended > 0);
    run.at = 0;
    printf("%s: %u points, ended at %u\n", run_text(&run), points, ended);
}

static void run(void)
{
    const char *wanted = getenv("VDI_DEATH"), *given = getenv("VDI_DEATH_SEED");
    all = wanted != NULL && strcmp(wanted, "all") == 0;
    seed = given ? (unsigned)atoi(given) : (unsigned)time(NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("VDI_DEATH_SEED=%u\n", seed);
    cast_begin();
    for (unsigned devices = 1; devices <= 4; devices += 3)
        for (enum part victim = 0; victim < (devices > 1 ? PARTS : SECONDARY); victim++)
            for (enum ending ending = 0; ending < ENDINGS; ending++)
                every_point((struct run){victim, ending, devices, 0, KILL, 0});
    cast_end();
    totals_print();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
