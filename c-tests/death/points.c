#include "points.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Runs without the point, in a row, before no point is left: their number is not quite fixed. */
#define ENOUGH 3

static unsigned long long state;

void points_begin(void)
{
    state = test_number("VDI_TEST_SEED", (uint64_t)time(NULL));
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("VDI_TEST_SEED=%llu\n", state);
}

unsigned points_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33);
}

void points_go(struct run run, unsigned some)
{
    run.at = 0;
    CHECK(cast_run(&run));
    unsigned points = cast_points();
    CHECK(cast_writes() > 0 && cast_writes() < points);
    unsigned stride = test_full() || points <= some ? 1 : points / some;
    unsigned untouched = 0, ended = 0, before = totals.ends[run.victim] + totals.stops;
    /* The first point is in every run, however few the later runs have of the others. */
    for (run.at = 1; untouched < ENOUGH; run.at += run.at == 1 ? 1 + points_random() % stride : stride)
        untouched = cast_run(&run) ? untouched + 1 : 0;
    ended = totals.ends[run.victim] + totals.stops - before;
    CHECK(ended > 0);
    run.at = 0;
    printf("%s: %u points, ended at %u\n", run_text(&run), points, ended);
}
