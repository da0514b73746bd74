/*
 * victim.h - a process that runs statements with the library, and what must be true of it then
 *
 * The other side of its set is the test, with forged.h. Whatever that does, every call returns a
 * code that is documented for it, every command ends once, what was handed out lies in a buffer
 * area, nothing remains, the name is free again, and another set in the same process goes on moving
 * data. What is not so fails the victim, and with it the test.
 */
#ifndef VICTIM_H
#define VICTIM_H

#include "harness.h"

/* What the victim is in the next statement. */
enum part {
    BE_GONE,
    BE_SERVER,
    BE_PRIMARY,
    BE_SECONDARY,
    BE_BOTH, /* the primary and the server; ends when it is told once more */
};

/* argv: the name of the set. */
int victim_role(int argc, char **argv);
#define VICTIM_ROLE {"victim", victim_role}

struct peer victim_start(const char *name);

/* Tells the victim to begin; returns when the test may connect, or the victim is about to. */
void victim_begin(struct peer victim, enum part part);

/* Primary and server are configured then, and go on when they are told to. */
void victim_continue(struct peer victim);

/* Returns when the statement of the victim has ended and all was well; `what` says what was done. */
void victim_ended(struct peer victim, enum part part, const char *what);

void victim_leave(struct peer victim);

#endif
