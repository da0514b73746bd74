/*
 * forged.h - peers that speak and write as docs/shared-memory-format.md says, but for an attack
 *
 * Each plays its part in one statement on a set of DEVICES devices, calls the attack at every moment
 * of it, and then hangs up. It waits for nobody for long: what an attack breaks may never come.
 */
#ifndef FORGED_H
#define FORGED_H

#include "segment.h"
#include "wire.h"

enum { FORGED_DEVICES = 2, FORGED_COMMANDS = 6, FORGED_BUFFERS = 7 };
enum { FORGED_PREFIX = 512, FORGED_BUFFER = 4096, FORGED_AREA = 65536 };

/* When an attack takes place. */
enum moment {
    JOINING,     /* the segment is there, the victim has not joined, or has only just */
    CONFIGURING, /* between the join and the first command */
    RUNNING,     /* often: before a message is written, and when no more are */
    PUBLISHING,  /* a message is in its slot, and is published when the attack returns */
    ENDING,      /* the devices are being closed */
    MOMENTS,
};

struct forged {
    struct segment segment;
    int connection, is_secondary;
    /* Memory of the area that it has made or was given, or -1. */
    int area;
    /* Called before the hang-up, unless it is null. */
    void (*at_the_end)(void);
};

typedef void attack_at(enum moment moment, struct forged *forged);

/* A server, for a primary that has created the set. */
void forged_server(const char *name, attack_at *attack);

/* A primary, for a server or a secondary that will come to this place. */
void forged_primary(const char *name, int listener, enum wire_role guest, attack_at *attack);

/* How many commands of the last statement of forged_server() or forged_primary() have ended. */
unsigned forged_commands_ended(void);

/* A secondary, for a set that is configured. Calls `joined` before it does anything. */
void forged_secondary(const char *name, void (*joined)(void), attack_at *attack);

#endif
