/*
 * One process of a set is killed at its n-th point, for every n, until a run comes to its own end:
 * the others get the result that is specified, nothing is left, and the name is free.
 */
#include "points.h"

/* [CRASH-01, CRASH-02, CRASH-03, CRASH-04, CRASH-06, AMB-44, NT-02, NT-04] */
static void run(void)
{
    points_begin();
    cast_begin();
    for (unsigned devices = 1; devices <= 4; devices += 3)
        for (enum part victim = 0; victim < (devices > 1 ? PARTS : SECONDARY); victim++)
            for (enum ending ending = 0; ending < ENDINGS; ending++)
                points_go((struct run){victim, ending, devices, 0, KILL, 0}, 24);
    cast_end();
    totals_print();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
