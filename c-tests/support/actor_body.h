/*
 * actor_body.h - what an actor has, and the names of its steps; see actor.h
 */
#ifndef ACTOR_BODY_H
#define ACTOR_BODY_H

#include "waiting.h"

#include <sched.h>

#define STEPS(X) \
    X(NO_STEP) X(LEAVE) X(RESET) X(KILL) X(NULL_HANDLES) X(GARBAGE_HANDLES) \
    X(CREATE) X(CREATE_IMPATIENT) X(CREATE_PATIENT) X(JOIN) \
    X(GET_CONFIGURATION) X(WAIT_CONFIGURATION) X(OPEN_FIRST) X(OPEN_SECOND) X(OPEN_UNKNOWN) \
    X(FETCH) X(GET_COMMAND) X(GET_SECOND) X(COMPLETE) X(FAIL) X(FAIL_PREVIOUS) \
    X(GET_HANDLE) X(MAP_HANDLE) X(SIGNAL_ABORT) X(CLOSE) X(CLIENT_VIEW) \
    X(SERVER_OPEN) X(SERVER_GET_CONFIGURATION) X(BEGIN) X(REQUEST) X(QUERY) X(END) \
    X(SERVER_OPEN_DEVICE) X(AGENT_START) X(AGENT_CALL) X(AGENT_JOIN) X(FINISH) \
    X(ALLOCATE) X(FREE) X(IS_SHARED) \
    X(SEND) X(SEND_READ) X(SEND_OTHER) X(SEND_CLEAR) X(SETTLE) X(SETTLE_FIRST) \
    X(LAST_CODE) \
    X(CLOSE_FIRST) X(CLOSE_SECOND) X(SERVER_SIGNAL_ABORT) X(SERVER_CLOSE) X(SERVER_VIEW)

#define STEP_VALUE(step) step,
#define STEP_NAME(step) #step,
enum step { STEPS(STEP_VALUE) };
static const char *const step_names[] = {STEPS(STEP_NAME)};

/* The state of a set as one actor sees it through its own calls. */
enum view { DNE, CONNECTED, CONFIGURABLE, INITIALIZING, ACTIVE, TERMINATED, ABORTED };
static const char *const view_names[] = {"DNE",    "Connected",  "Configurable", "Initializing",
                                         "Active", "Terminated", "Abort"};

/* Results that no call of the library has. */
#define AGENT_RUNS 2

#define SCENE_BUFFER 4096

/* What an actor has. */
struct body {
    vdi_set *set;
    vdi_device *devices[2];
    /* The device of GET_COMMAND and COMPLETE: the one that was opened first. */
    unsigned device, device_count;
    uint32_t handle;
    vdi_server *server;
    vdi_server_device *server_devices[2];
    unsigned opened;
    void *buffer;
    /* The command that was fetched last, the one before, and the buffer of the last one. */
    VDC_Command *command, *previous;
    void *data;
    VDS_Command sent[8];
    unsigned ended[8];
    unsigned sent_count;
    struct caller agent;
    int agent_started;
};

#endif
