/*
 * attack.h - choosing what a forged peer does, so that it can be repeated
 *
 * VDI_TEST_SEED is the number of the first round, VDI_TEST_ROUNDS how many there are. A failure names the
 * seed of its round, and what was done in it.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include "forged.h"

/* The rounds of this run; `rounds` is what a short run does. */
unsigned attack_rounds(unsigned rounds);
uint64_t attack_first_seed(void);

/* Begins a round. */
void attack_begin(uint64_t seed);

/* A number less than `limit`. */
uint32_t attack_choose(uint32_t limit);
uint64_t attack_number(void);

/* A word, and a value that somebody has reasons to try in it. */
struct spot attack_spot(const struct segment *segment);
uint64_t attack_value(const struct segment *segment, struct spot spot);

/* Writes down what was done; attack_story() is all of the round. */
void attack_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *attack_story(void);

/* Writes, wakes who sleeps on the word, and notes it. */
void attack_write(struct forged *forged, enum moment moment, struct spot spot, uint64_t value);

/* Plays one statement of the part that the victim does not have. */
struct peer;
void attack_play(struct peer victim, unsigned part, const char *name, attack_at *attack);

#endif
