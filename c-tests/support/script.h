/*
 * script.h - what an engine does with the devices of a set: it looks for labels, writes and reads
 * streams with several transfers in flight, changes media, and recovers from errors
 *
 * A script looks at the features that came through the library before it sends a command, and at
 * every byte that it gets back. The client is the process of media/client.h.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "engine.h"
#include "media/client.h"

#define SCRIPT_BLOCK 1024u
#define SCRIPT_TRANSFER 65536u
/* Transfers in flight on one device. */
#define SCRIPT_WINDOW 4

/* One device, as the server sees it. */
struct drive {
    vdi_server_device *device;
    VDConfig config;
    /* On a disk: where the next transfer goes. */
    int64_t offset;
    /* Sizes of the transfers in blocks, taken in turn; ends with 0. */
    const uint32_t *sizes;
    uint8_t *buffers[SCRIPT_WINDOW];
    /* How the first transfers of the last movement ended. */
    int32_t codes[SCRIPT_WINDOW];
};

struct script {
    struct engine engine;
    struct peer client;
    struct drive drives[MEDIA_DEVICES];
};

/* A client for `devices` devices with these features, and the name of a set in it. */
struct media_client script_client(uint32_t devices, uint32_t features);

/* Puts a medium on the shelf of a device; the label is formatted. */
void script_shelve(struct media_client *client, unsigned device, int64_t capacity,
                   const char *label, ...) __attribute__((format(printf, 4, 5)));

/* Starts the client, configures its set and opens the devices. `direction`: VDF_..Media bits. */
void script_start(struct script *script, const struct media_client *client, uint32_t direction);

/* The normal end: devices, agent, set, client. */
void script_end(struct script *script);

/* Closes the set as an engine does that cannot go on; the client sees an abort. */
void script_give_up(struct script *script);

/* Sends a command without data, whatever the features say, and waits for its end. */
VDS_Command drive_send(struct drive *drive, int32_t code, int32_t size, int64_t position);

/*
 * Sends a command without data that the features allow; it ends with the code `wanted`, which is
 * cleared if it is an error. Returns the position.
 */
int64_t drive_command(struct drive *drive, int32_t code, int32_t size, int64_t position,
                      int32_t wanted);

/* The same, for the many commands without inputs that succeed. */
void drive_do(struct drive *drive, int32_t code);

/* ClearError after an error: nothing else is taken before it, and it succeeds. */
void drive_clear_error(struct drive *drive);

/*
 * Moves a part of a stream with several transfers in flight. Returns how much arrived before the
 * first error, whose code is in `end`; ERROR_SUCCESS if all did. The device is then in IO-ERROR.
 */
int64_t drive_write(struct drive *drive, uint8_t stream, int64_t from, int64_t length,
                    int32_t *end);
int64_t drive_read(struct drive *drive, uint8_t stream, int64_t from, int64_t length,
                   int32_t *end);

/* Moves exactly that part, without an error. */
void drive_write_all(struct drive *drive, uint8_t stream, int64_t from, int64_t length);
void drive_read_all(struct drive *drive, uint8_t stream, int64_t from, int64_t length);

/* Nothing can be read here: the Read ends with this code, which is cleared. */
void drive_read_nothing(struct drive *drive, int32_t wanted);

/*
 * A whole backup: as many media as it needs, the last one is flushed. A whole restore of it.
 * Both return the number of Loads.
 */
unsigned drive_back_up(struct drive *drive, uint8_t stream, int64_t length);
unsigned drive_restore(struct drive *drive, uint8_t stream, int64_t length);

#endif
