/*
 * wire.h - the messages of docs/shared-memory-format.md, without the library
 *
 * A test that poses as a peer makes packets, spoils them, and sends them with whatever descriptors.
 */
#ifndef WIRE_H
#define WIRE_H

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

enum wire_kind { HELLO = 1, WELCOME = 2, REFUSED = 3, AREA = 4, MAPPED = 5 };
enum wire_role { SERVER = 1, SECONDARY = 2 };

#define LONGEST_PACKET 1024
/* Descriptors that one message can carry and be accepted. */
#define MOST_DESCRIPTORS 4
/* Connections that a set admits at a time, and buffer areas that it has at most. */
#define MOST_GUESTS 256
#define MOST_AREAS 512

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct packet {
    size_t size;
    uint8_t bytes[LONGEST_PACKET + 1];
};

struct packet wire_message(uint32_t version, uint32_t kind);
void wire_number(struct packet *packet, uint32_t number);
void wire_bytes(struct packet *packet, const void *bytes, size_t size);

struct packet wire_hello(enum wire_role role, const char *name);
struct packet wire_welcome(uint32_t participant, uint64_t size);
struct packet wire_refused(int32_t code, const char *text);
struct packet wire_area(uint32_t index, uint64_t size);
struct packet wire_mapped(uint32_t areas);

/* Sends a packet, with descriptors or without; whether it went out. Never waits. */
int wire_send(int connection, const struct packet *packet, const int *descriptors, unsigned count);

/* As wire_send(), with one descriptor, or none if it is -1. */
int wire_send_one(int connection, struct packet packet, int descriptor);

/* As wire_send_one(), but waits until the peer has room. */
int wire_send_waiting(int connection, const struct packet *packet, int descriptor);

/*
 * Waits for the next packet. The kind of message, 0 for a hang-up; the first descriptor that came
 * with it, or -1, unless `descriptor` is NULL.
 */
uint32_t wire_receive(int connection, struct packet *packet, int *descriptor);

/* A number of a received packet: field 0 is the first behind the kind. */
uint32_t wire_field(const struct packet *packet, unsigned number);

/* The place of a set in the runtime directory. */
struct sockaddr_un wire_address(const char *name);

/* Takes the place of a set in the runtime directory; gives it back with wire_unlisten(). */
int wire_listen(const char *name);
void wire_unlisten(const char *name, int listener);

/* Connects to the primary of a set, and waits while its queue is full; -1 if nobody is there. */
int wire_connect(const char *name);

/* A connection that says hello, or nothing if the role is 0. The primary is there. */
int wire_visitor(const char *name, enum wire_role role);

/* The next guest that has come to a listener and said hello. */
int wire_accept(int listener);

/* Memory as the library makes it: sealed and allocated. */
int sealed_memory(const char *name, size_t size);

#endif
