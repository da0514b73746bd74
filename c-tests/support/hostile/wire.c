#include "wire.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void wire_bytes(struct packet *packet, const void *bytes, size_t size)
{
    CHECK(packet->size + size <= sizeof packet->bytes);
    memcpy(packet->bytes + packet->size, bytes, size);
    packet->size += size;
}

void wire_number(struct packet *packet, uint32_t number)
{
    wire_bytes(packet, &number, sizeof number); /* all supported machines are little endian */
}

static void put_text(struct packet *packet, const char *text)
{
    wire_number(packet, (uint32_t)strlen(text));
    wire_bytes(packet, text, strlen(text));
}

static void put_size(struct packet *packet, uint64_t size)
{
    wire_bytes(packet, &size, sizeof size);
}

struct packet wire_message(uint32_t version, uint32_t kind)
{
    struct packet packet = {.size = 0};
    wire_bytes(&packet, "vdi", 4);
    wire_number(&packet, version);
    wire_number(&packet, kind);
    return packet;
}

struct packet wire_hello(enum wire_role role, const char *name)
{
    struct packet packet = wire_message(1, HELLO);
    wire_number(&packet, role);
    put_text(&packet, "");
    put_text(&packet, name);
    return packet;
}

struct packet wire_welcome(uint32_t participant, uint64_t size)
{
    struct packet packet = wire_message(1, WELCOME);
    wire_number(&packet, participant);
    put_size(&packet, size);
    return packet;
}

struct packet wire_refused(int32_t code, const char *text)
{
    struct packet packet = wire_message(1, REFUSED);
    wire_number(&packet, (uint32_t)code);
    put_text(&packet, text);
    return packet;
}

struct packet wire_area(uint32_t index, uint64_t size)
{
    struct packet packet = wire_message(1, AREA);
    wire_number(&packet, index);
    put_size(&packet, size);
    return packet;
}

struct packet wire_mapped(uint32_t areas)
{
    struct packet packet = wire_message(1, MAPPED);
    wire_number(&packet, areas);
    return packet;
}

/* Room for more descriptors than the other side takes. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(4 * MOST_DESCRIPTORS * sizeof(int))];
};

static int send_packet(int connection, const struct packet *packet, const int *descriptors,
                       unsigned count, int flags)
{
    union control control;
    struct iovec part = {.iov_base = (void *)packet->bytes, .iov_len = packet->size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    CHECK(count <= 4 * MOST_DESCRIPTORS);
    if (count > 0) {
        memset(&control, 0, sizeof control);
        control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    ssize_t sent = sendmsg(connection, &message, MSG_NOSIGNAL | flags);
    return sent == (ssize_t)packet->size;
}

int wire_send(int connection, const struct packet *packet, const int *descriptors, unsigned count)
{
    return send_packet(connection, packet, descriptors, count, MSG_DONTWAIT);
}

int wire_send_one(int connection, struct packet packet, int descriptor)
{
    return wire_send(connection, &packet, &descriptor, descriptor >= 0);
}

int wire_send_waiting(int connection, const struct packet *packet, int descriptor)
{
    return send_packet(connection, packet, &descriptor, descriptor >= 0, 0);
}

uint32_t wire_receive(int connection, struct packet *packet, int *descriptor)
{
    union control control;
    struct packet local;
    uint32_t kind;
    packet = packet != NULL ? packet : &local;
    struct iovec part = {.iov_base = packet->bytes, .iov_len = sizeof packet->bytes};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (descriptor != NULL)
        *descriptor = -1;
    ssize_t size = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    if (size <= 0)
        return 0;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights != NULL) {
        int got;
        memcpy(&got, CMSG_DATA(rights), sizeof got);
        if (descriptor != NULL)
            *descriptor = got;
        else
            close(got);
    }
    packet->size = (size_t)size;
    CHECK(packet->size >= 12);
    memcpy(&kind, packet->bytes + 8, sizeof kind);
    return kind;
}

uint32_t wire_field(const struct packet *packet, unsigned number)
{
    uint32_t field;
    size_t at = 12 + number * sizeof field;
    CHECK(at + sizeof field <= packet->size);
    memcpy(&field, packet->bytes + at, sizeof field);
    return field;
}

__extension__ typedef unsigned __int128 hash;

/* FNV-1a with 128 bits of the instance, which is empty here, a NUL byte, and the name. */
struct sockaddr_un wire_address(const char *name)
{
    const hash prime = (hash)1 << 88 | 0x13b;
    hash sum = (hash)0x6c62272e07bb0142 << 64 | 0x62b821756295c58d;
    sum *= prime;
    for (const char *at = name; *at != '\0'; at++)
        sum = (sum ^ (unsigned char)*at) * prime;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/%016llx%016llx.set",
                          getenv("VDI_RUNTIME_DIR"), (unsigned long long)(sum >> 64),
                          (unsigned long long)sum);
    CHECK((size_t)length < sizeof address.sun_path);
    return address;
}

int wire_listen(const char *name)
{
    struct sockaddr_un address = wire_address(name);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 16) == 0);
    return listener;
}

void wire_unlisten(const char *name, int listener)
{
    struct sockaddr_un address = wire_address(name);
    CHECK(unlink(address.sun_path) == 0);
    close(listener);
}

int wire_connect(const char *name)
{
    struct sockaddr_un address = wire_address(name);
    int connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK(connection >= 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0)
        return connection;
    close(connection);
    return -1;
}

int wire_visitor(const char *name, enum wire_role role)
{
    int connection = wire_connect(name);
    CHECK(connection >= 0);
    /* One that is turned away may not be heard any more. */
    if (role != 0)
        wire_send_one(connection, wire_hello(role, name), -1);
    return connection;
}

int wire_accept(int listener)
{
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(connection >= 0);
        uint32_t kind = wire_receive(connection, NULL, NULL);
        if (kind == HELLO)
            return connection;
        /* A process that makes a set looks who is alive, and says nothing. */
        CHECK_EQUAL(kind, 0);
        close(connection);
    }
}

int sealed_memory(const char *name, size_t size)
{
    int memory = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(memory >= 0 && ftruncate(memory, (off_t)size) == 0);
    CHECK(posix_fallocate(memory, 0, (off_t)size) == 0);
    CHECK(fcntl(memory, F_ADD_SEALS, SEALS) == 0);
    return memory;
}
