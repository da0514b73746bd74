/* One process of a set is killed at any moment. VDI_DEATH_ROUNDS says how often. */
#include "points.h"

#include <stdlib.h>

#define ROUNDS 200
/* Longer than most runs take. */
#define LONGEST_US 5000

/* [CRASH-01, CRASH-02, CRASH-03] */
static void run(void)
{
    const char *wanted = getenv("VDI_DEATH_ROUNDS");
    points_begin();
    cast_begin();
    for (int left = wanted ? atoi(wanted) : ROUNDS; left > 0; left--)
        cast_run(&(struct run){.victim = points_random() % PARTS,
                               .ending = points_random() % ENDINGS,
                               .devices = 2 + points_random() % 3,
                               .microseconds = 1 + points_random() % LONGEST_US});
    cast_end();
    totals_print();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
