/* One process of a set is killed at any moment. VDI_TEST_ROUNDS says how often. */
#include "points.h"

#include <stdio.h>

#define ROUNDS 200
/* With so many rounds it would be a miracle if no kill came in one of the phases. */
#define ENOUGH 100
/* Of so many runs one is not disturbed: how long it takes is how late the others are killed. */
#define EACH 8

/* What the victim had done when it was killed. */
enum phase { BEFORE_COMMANDS, WITH_COMMANDS, AFTER_COMMANDS, PHASES };

static enum phase phase_of(enum stage stage)
{
    if (stage < V_FIRST || (stage > V_GONE && stage < C_FIRST))
        return BEFORE_COMMANDS;
    return stage < V_ENDING || (stage > V_GONE && stage < C_ENDING) ? WITH_COMMANDS : AFTER_COMMANDS;
}

/* [CRASH-01, CRASH-02, CRASH-03] */
static void run(void)
{
    unsigned rounds = (unsigned)test_number("VDI_TEST_ROUNDS", ROUNDS), length = 0;
    /* `late` came when the victim had ended. */
    unsigned kills[PHASES] = {0}, late = 0;
    points_begin();
    cast_begin();
    for (unsigned round = 0; round < rounds; round++) {
        struct run run = {.victim = points_random() % PARTS,
                          .ending = points_random() % ENDINGS,
                          .devices = 2 + points_random() % 3};
        if (round % EACH != 0)
            run.microseconds = 1 + points_random() % length;
        int untouched = cast_run(&run);
        if (run.microseconds == 0) {
            CHECK(untouched);
            length = cast_microseconds();
        } else {
            kills[untouched ? AFTER_COMMANDS : phase_of(board->reached)]++;
            late += untouched != 0;
        }
    }
    cast_end();
    totals_print();
    printf("killed before the first command %u, with commands %u, after the last %u; %u "
           "of these after its end\n",
           kills[BEFORE_COMMANDS], kills[WITH_COMMANDS], kills[AFTER_COMMANDS], late);
    for (enum phase phase = 0; phase < PHASES && rounds >= ENOUGH; phase++)
        CHECK(kills[phase] > 0);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
