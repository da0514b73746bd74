/*
 * One process of a set ends at a point other than by SIGKILL: by a crash, by exit without Close, by exec, or
 * with a forked child that keeps its descriptors. One that is only stopped is alive.
 */
#include "points.h"

/* [CRASH-05] */
static void run(void)
{
    points_begin();
    cast_begin();
    for (enum way way = KILL + 1; way < WAYS; way++)
        for (enum part victim = 0; victim < PARTS; victim++)
            points_go((struct run){victim, NORMAL_END, 4, 0, way, 0}, 8);
    cast_end();
    totals_print();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
