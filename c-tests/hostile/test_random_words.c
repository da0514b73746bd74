/*
 * A peer that does what it should and, now and then, writes anything anywhere: into the control
 * segment, the rings, the names, the handles, the signs of life. Rounds of all directions; see
 * attack.h for how to repeat one.
 */
#include "hostile/attack.h"
#include "hostile/victim.h"

#include <sys/socket.h>

static void stray_message(struct forged *forged)
{
    struct packet packet = wire_message(1 + attack_choose(8) / 7, attack_choose(8));
    for (uint32_t left = attack_choose(8); left > 0; left--)
        wire_number(&packet, attack_choose(3));
    attack_note(" message %u", packet.bytes[8]);
    wire_send_one(forged->connection, packet, attack_choose(2) ? forged->segment.memory : -1);
}

static void anything(enum moment moment, struct forged *forged)
{
    if (attack_choose(5) != 0)
        return;
    uint32_t what = attack_choose(100);
    if (what == 0) {
        attack_note(" hang-up");
        shutdown(forged->connection, SHUT_RDWR);
    } else if (what < 4) {
        stray_message(forged);
    } else if (what < 10) {
        /* Between the words, too. */
        uint32_t at = attack_choose((uint32_t)forged->segment.size - 8);
        forged->segment.base[at] = (char)attack_number();
        attack_note(" byte %u", at);
    } else {
        for (uint32_t left = 1 + attack_choose(3); left > 0; left--) {
            struct spot spot = attack_spot(&forged->segment);
            attack_write(forged, moment, spot, attack_value(&forged->segment, spot));
        }
    }
}

/* [SEC-07, AMB-31] */
static void run(void)
{
    static const enum part parts[] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY, BE_BOTH};
    char name[NAME_SIZE];
    unique_name(name);
    struct peer victim = victim_start(name);
    unsigned rounds = attack_rounds(200);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t seed = attack_first_seed() + round;
        attack_begin(seed);
        attack_play(victim, parts[seed % 4], name, anything);
    }
    victim_leave(victim);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {VICTIM_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
