/*
 * stage.h - the engine's half of a set, for programs in C++ against the classes
 *
 * The engine is that of statement.h, through libvdi.so; the client under test is in libsqlvdi.so. The two
 * libraries know nothing of each other, so both may be in one process.
 */
#ifndef STAGE_H
#define STAGE_H

#include "check.h"
#include "processes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the buffer of each device. */
#define STAGE_SIZE 65536

struct statement;
struct request;

/* Opens the set that a client has created, configures it, and opens its devices. */
struct statement *stage_open(const char *name, unsigned devices);

/* The buffer of a device. */
uint8_t *stage_buffer(struct statement *statement, unsigned device);

/* Sends a command, with the buffer of the device if it has a size. */
struct request *stage_send(struct statement *statement, unsigned device, int32_t code, int32_t size);

/* As stage_send(), with these values in the fields of the command, and no buffer. */
struct request *stage_send_values(struct statement *statement, unsigned device, int32_t code,
                                  int32_t size, int64_t position);

/* How a command ended. */
struct stage_result {
    int32_t code, bytes;
    int64_t position;
};

/* Whether the client has not completed it yet. */
int stage_waits(struct request *request);

/* Waits for the end of a command, which is gone then. */
struct stage_result stage_end(struct request *request);

/* The normal end of the devices; then the server leaves. */
void stage_finish(struct statement *statement);
void stage_leave(struct statement *statement);

/* Both. */
void stage_close(struct statement *statement);

/* Aborts the set; leaves a set that is aborted. */
void stage_abort(struct statement *statement);
void stage_leave_aborted(struct statement *statement);

/* Returns when a thread of this process that is about to wait in a call is asleep in it. */
void stage_wait_asleep(pid_t thread);

/* A stream of bytes: its part from `offset` on. */
void stage_fill(uint8_t *bytes, uint32_t size, uint64_t offset);
int stage_matches(const uint8_t *bytes, uint32_t size, uint64_t offset);

/* A role: an engine that waits for a set, and backs such streams up or restores them, one device after
 * another. argv: name, devices, bytes of each, "backup" or "restore" */
int stage_engine_role(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
