/*
 * client.h - a client process with a device for each stripe
 *
 * A test that uses it lists MEDIA_ROLE in its roles and starts it with media_client_start().
 */
#ifndef MEDIA_CLIENT_H
#define MEDIA_CLIENT_H

#include "../harness.h"
#include "device.h"

#define MEDIA_DEVICES 4

struct media_client {
    char name[NAME_SIZE];
    /* The client's part: deviceCount, features and so on. */
    VDConfig config;
    struct shelf shelves[MEDIA_DEVICES];
    /*
     * At the beginning, every device fetches exactly this many transfers before it executes the
     * first of them, as a device with a queue of its own may do. 0 for as many as are there, which
     * is also what follows.
     */
    uint32_t gather;
    /* The devices are opened when the parent tells. */
    uint32_t late;
};

/* The client has ended this way. */
#define MEDIA_CLOSED 0
#define MEDIA_ABORTED 3

int media_role(int argc, char **argv);

#define MEDIA_ROLE {"media", media_role}

/* Starts the process; when this returns, the set exists. */
struct peer media_client_start(const struct media_client *client);

#endif
