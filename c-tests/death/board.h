/*
 * board.h - what the processes of a run know of each other, beside the library
 *
 * One page that they share. In a run one of them, the victim, ends at a point; the others survive.
 */
#ifndef BOARD_H
#define BOARD_H

#include "harness.h"

enum part { SERVER, PRIMARY, SECONDARY, PARTS };

/* How the part of the victim comes to its end, if nothing happens before. */
enum ending { NORMAL_END, SIGNALS, LEAVES, ENDINGS };

/* How far a part has come; it is noted before the call that the name says. */
enum stage {
    NOWHERE,
    /* The server. */
    V_OPEN,
    V_BEGIN,
    V_REQUEST,
    V_END,
    V_AGENT,
    V_DEVICES,
    V_FIRST,
    V_MORE,
    V_SECOND,
    V_ENDING,  /* SignalAbort, or Close before its time */
    V_CLOSING, /* the devices */
    V_CLOSED,
    V_LEAVING,
    V_GONE,
    /* The clients: the primary creates a set, the secondary opens it. */
    C_ENTER,
    C_CONFIGURATION,
    C_DEVICES,
    C_FIRST,
    C_SECOND,
    C_LAST, /* the last completion */
    C_ENDING,
    C_FINISH, /* waits until the server has closed the devices */
    C_LEAVING,
    C_GONE,
};

/* What came of it. */
enum outcome { NOTHING, NORMAL, ABORTED, ABSENT /* there was no set */ };

struct report {
    enum outcome outcome;
    uint32_t reason;
    char text[256];
    /* Of the primary, at the moment when it missed the secondary. */
    uint32_t lost;
};

struct board {
    char name[NAME_SIZE];
    unsigned devices;
    enum part victim;
    enum ending ending;
    /* Points that the victim has passed, if it lives. */
    unsigned passed, writes;
    int forked;
    pid_t pid;
    enum stage stage[PARTS];
    /* Where the victim was when it ended; another process may have taken its part since. */
    enum stage reached;
    /* It has ended, and this is known. */
    int gone[PARTS];
    int configured, mapped, finished;
    uint32_t handle;
    struct report reports[PARTS];
};

extern struct board *board;

/* Whether this process is the one that shall end. */
extern int is_victim;

#define LOOK(field) __atomic_load_n(&board->field, __ATOMIC_SEQ_CST)
#define NOTE(field, value) __atomic_store_n(&board->field, (value), __ATOMIC_SEQ_CST)

/* A part of a run, in the process that plays it: to the end of the operation, or to its abort. */
void play(enum part part);

/* Then it closes the set. */
void play_leaves(enum part part);

/* A whole set in this process: what the library keeps for ever is made, the name is free. */
void play_alone(const char *name);

#endif
