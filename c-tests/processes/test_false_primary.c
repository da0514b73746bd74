/*
 * A process that poses as the primary of a set and says nonsense: joining fails, or the set that was
 * joined is aborted. Segment and packets as in docs/shared-memory-format.md.
 */
#include "engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { WELCOME = 2, AREA = 4 };
enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };
enum { SEGMENT_SIZE = 12544, LONGEST_PACKET = 1024, NOT_ALLOCATED = 1 };
enum word {
    MAGIC = 0,
    VERSION = 16,
    DEVICES = 20,
    CAPACITY = 24,
    NAME_WAIT = 28,
    REQUESTED = 40,
    PHASE = 128,
    NAME_LENGTH = 1408 + 136,
    NAME_BYTES = NAME_LENGTH + 8,
};

static char name[NAME_SIZE];
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int listener = -1;

/* What the false primary hands out, and how it differs from a good segment. */
struct segment {
    uint32_t phase;
    enum word word;
    uint32_t value;
    uint64_t announced;
    int seals;
};

static void put(char *segment, enum word word, uint32_t value)
{
    memcpy(segment + word, &value, sizeof value);
}

static int sealed_memory(size_t size, int seals)
{
    int memory = memfd_create("vdi-false", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(memory >= 0 && ftruncate(memory, (off_t)size) == 0);
    if (seals != NOT_ALLOCATED)
        CHECK(posix_fallocate(memory, 0, (off_t)size) == 0);
    CHECK(fcntl(memory, F_ADD_SEALS, seals == NOT_ALLOCATED ? SEALS : seals) == 0);
    return memory;
}

static int segment_memory(const struct segment *wanted)
{
    char bytes[SEGMENT_SIZE] = {0};
    memcpy(bytes + MAGIC, "libvdi\0C", 8);
    put(bytes, VERSION, 0x00010000);
    put(bytes, DEVICES, 1);
    put(bytes, CAPACITY, VDI_QUEUE_CAPACITY);
    put(bytes, REQUESTED, 1);
    put(bytes, PHASE, wanted->phase);
    put(bytes, NAME_LENGTH, (uint32_t)strlen(name));
    memcpy(bytes + NAME_BYTES, name, strlen(name));
    if (wanted->word != 0)
        put(bytes, wanted->word, wanted->value);
    int memory = sealed_memory(SEGMENT_SIZE, F_SEAL_GROW);
    CHECK(pwrite(memory, bytes, sizeof bytes, 0) == sizeof bytes);
    CHECK(fcntl(memory, F_ADD_SEALS, SEALS) == 0);
    return memory;
}

/* Takes the place in the runtime directory that a set of this name would have. */
static void take_place(void)
{
    const char *path = getenv("VDI_RUNTIME_DIR");
    struct dirent *entry;
    vdi_set *set = client_create(name, 1);
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        if (strstr(entry->d_name, ".set") != NULL)
            snprintf(address.sun_path, sizeof address.sun_path, "%.60s/%.40s", path,
                     entry->d_name);
    closedir(directory);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void begin_to_listen(int backlog)
{
    listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, backlog) == 0);
}

static void end_listening(void)
{
    CHECK(unlink(address.sun_path) == 0);
    close(listener);
}

struct guest {
    struct caller caller;
    int is_server;
    int connection;
    vdi_set *set;
    vdi_server *server;
    vdi_device *device;
};

static vdi_result join(void *argument)
{
    struct guest *guest = argument;
    return guest->is_server ? vdi_server_open(NULL, name, &guest->server)
                            : vdi_open_in_secondary(NULL, name, &guest->set);
}

/* Lets a guest come and reads its hello. */
static void expect(struct guest *guest, int is_server)
{
    char hello[LONGEST_PACKET];
    *guest = (struct guest){.is_server = is_server};
    caller_start(&guest->caller, join, guest);
    guest->connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(guest->connection >= 0);
    CHECK(recv(guest->connection, hello, sizeof hello, 0) > 12);
}

/* A packet with two fields and perhaps a descriptor. */
static void say(int connection, uint32_t kind, uint32_t number, uint64_t size, int memory)
{
    char packet[24] = "vdi", control[CMSG_SPACE(sizeof memory)] = {0};
    uint32_t head[] = {1, kind, number};
    memcpy(packet + 4, head, sizeof head);
    memcpy(packet + 16, &size, sizeof size);
    struct iovec part = {.iov_base = packet, .iov_len = sizeof packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (memory >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        *rights = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof memory),
            .cmsg_level = SOL_SOCKET,
            .cmsg_type = SCM_RIGHTS,
        };
        memcpy(CMSG_DATA(rights), &memory, sizeof memory);
    }
    CHECK(sendmsg(connection, &message, MSG_NOSIGNAL) == sizeof packet);
    if (memory >= 0)
        close(memory);
}

static void is_refused(struct guest *guest, vdi_result result)
{
    CHECK_RESULT(caller_join(&guest->caller), result);
    CHECK(guest->set == NULL && guest->server == NULL);
    close(guest->connection);
}

/* Answers to a hello that are none. */
static void wrong_answers(int is_server)
{
    struct guest guest;
    char zeros[LONGEST_PACKET + 1] = {0};
    expect(&guest, is_server);
    say(guest.connection, AREA, 0, 65536, -1);
    is_refused(&guest, VD_E_UNEXPECTED);
    expect(&guest, is_server);
    say(guest.connection, 77, 0, 0, -1);
    is_refused(&guest, VD_E_UNEXPECTED);
    expect(&guest, is_server);
    say(guest.connection, WELCOME, 2, SEGMENT_SIZE, -1); /* without the segment */
    is_refused(&guest, VD_E_UNEXPECTED);
    expect(&guest, is_server);
    CHECK(send(guest.connection, zeros, sizeof zeros, 0) == sizeof zeros);
    is_refused(&guest, VD_E_UNEXPECTED);
    expect(&guest, is_server);
    CHECK(shutdown(guest.connection, SHUT_RDWR) == 0);
    is_refused(&guest, is_server ? VD_E_INVALID : VD_E_PROTOCOL);
}

/* Segments that no primary makes. [SEC-07] */
static void wrong_segments(int is_server)
{
    static const struct segment segments[] = {
        {.word = MAGIC + 4, .value = 1},
        {.word = VERSION, .value = 0x00020000},
        {.word = DEVICES, .value = 0},
        {.word = DEVICES, .value = 2},
        {.word = CAPACITY, .value = 63},
        {.word = CAPACITY, .value = 8192},
        {.word = NAME_WAIT, .value = 3600001},
        {.word = REQUESTED, .value = 2},
        {.announced = 1400},
        {.announced = SEGMENT_SIZE + 128},
        {.seals = NOT_ALLOCATED},
        {.seals = F_SEAL_SHRINK | F_SEAL_SEAL},
        {.seals = SEALS | F_SEAL_FUTURE_WRITE},
    };
    for (unsigned i = 0; i < sizeof segments / sizeof *segments; i++) {
        struct guest guest;
        const struct segment *segment = &segments[i];
        int memory = segment->seals ? sealed_memory(SEGMENT_SIZE, segment->seals)
                                    : segment_memory(segment);
        expect(&guest, is_server);
        say(guest.connection, WELCOME, 2, segment->announced ? segment->announced : SEGMENT_SIZE,
            memory);
        is_refused(&guest, VD_E_UNEXPECTED);
    }
}

/* The server checks the configuration as vdi_create does. [SEC-07] */
static void wrong_configurations(void)
{
    static const struct segment segments[] = {
        {.word = REQUESTED + 8, .value = VDI_MAX_PREFIX_ZONE + 1},
        {.word = REQUESTED + 12, .value = 3},
    };
    for (unsigned i = 0; i < sizeof segments / sizeof *segments; i++) {
        struct guest guest;
        expect(&guest, 1);
        say(guest.connection, WELCOME, 2, SEGMENT_SIZE, segment_memory(&segments[i]));
        is_refused(&guest, VD_E_UNEXPECTED);
    }
}

/* Says one thing too much, or hangs up, to a guest that has joined. */
enum misbehaviour { WRONG_MESSAGE, LONG_PACKET, HANG_UP, WRONG_AREA };

static void misbehave(int connection, enum misbehaviour misbehaviour)
{
    char zeros[LONGEST_PACKET + 1] = {0};
    switch (misbehaviour) {
    case WRONG_MESSAGE:
        say(connection, WELCOME, 2, SEGMENT_SIZE, -1);
        return;
    case LONG_PACKET:
        CHECK(send(connection, zeros, sizeof zeros, 0) == sizeof zeros);
        return;
    case HANG_UP:
        CHECK(shutdown(connection, SHUT_RDWR) == 0);
        return;
    case WRONG_AREA:
        say(connection, AREA, 1, 65536, sealed_memory(65536, SEALS));
        return;
    }
}

static const struct {
    enum misbehaviour misbehaviour;
    uint32_t reason;
} endings[] = {
    {WRONG_MESSAGE, VDI_ABORT_CORRUPTION},
    {LONG_PACKET, VDI_ABORT_RESOURCES},
    {HANG_UP, VDI_ABORT_CLIENT_CLOSED},
    {WRONG_AREA, VDI_ABORT_RESOURCES},
};

/* A server that was welcome: its agent leaves, with the reason. [SEC-07, CRASH-02] */
static void misled_server(unsigned which)
{
    struct guest guest;
    struct caller agent;
    uint32_t reason;
    vdi_server_parameters parameters = {
        .size = sizeof parameters,
        .features = VDF_WriteMedia,
        .blockSize = BLOCK_SIZE,
        .maxTransferSize = TRANSFER_SIZE,
    };
    expect(&guest, 1);
    say(guest.connection, WELCOME, 2, SEGMENT_SIZE, segment_memory(&(struct segment){.phase = 1}));
    CHECK_RESULT(caller_join(&guest.caller), NOERROR);
    CHECK_RESULT(vdi_server_begin_configuration(guest.server, &parameters), NOERROR);
    CHECK_RESULT(vdi_server_end_configuration(guest.server), NOERROR);
    caller_start(&agent, completion_agent, guest.server);
    misbehave(guest.connection, endings[which].misbehaviour);
    CHECK_RESULT(caller_join(&agent), VD_E_ABORT);
    CHECK_RESULT(vdi_server_abort_reason(guest.server, &reason, NULL, 0), NOERROR);
    CHECK_EQUAL(reason, endings[which].reason);
    CHECK_RESULT(vdi_server_close(guest.server), NOERROR);
    close(guest.connection);
}

/* A secondary that was welcome: its wait ends, with the reason. [SEC-07, CRASH-02] */
static void misled_secondary(unsigned which)
{
    struct guest guest;
    struct caller waiter;
    uint32_t reason;
    expect(&guest, 0);
    say(guest.connection, WELCOME, 2, SEGMENT_SIZE, segment_memory(&(struct segment){.phase = 4}));
    CHECK_RESULT(caller_join(&guest.caller), NOERROR);
    CHECK_RESULT(vdi_open_device(guest.set, name, &guest.device), NOERROR);
    struct getter getter = {.device = guest.device};
    caller_start(&waiter, get_command, &getter);
    misbehave(guest.connection, endings[which].misbehaviour);
    CHECK_RESULT(caller_join(&waiter), VD_E_ABORT);
    CHECK_RESULT(vdi_abort_reason(guest.set, &reason, NULL, 0), NOERROR);
    CHECK_EQUAL(reason, endings[which].reason);
    CHECK_RESULT(vdi_close(guest.set), NOERROR);
    close(guest.connection);
}

/* A primary that takes no connections: nobody can join, and the name is in use. [NAME-01] */
static void no_time(void)
{
    int visitors[2];
    vdi_set *set;
    vdi_server *server;
    VDConfig config = {.deviceCount = 1};
    end_listening();
    begin_to_listen(0);
    for (unsigned i = 0; i < 2; i++) {
        visitors[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int done = connect(visitors[i], (struct sockaddr *)&address, sizeof address) == 0;
        CHECK(done == (i == 0));
    }
    CHECK_RESULT(vdi_server_open(NULL, name, &server), VD_E_UNEXPECTED);
    CHECK_CONTAINS(vdi_last_error_message(), "does not answer");
    CHECK_RESULT(vdi_open_in_secondary(NULL, name, &set), VD_E_UNEXPECTED);
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), VD_E_PROTOCOL);
    close(visitors[0]);
    close(visitors[1]);
}

static void run(void)
{
    unique_name(name);
    take_place();
    begin_to_listen(16);
    for (int is_server = 0; is_server <= 1; is_server++) {
        wrong_answers(is_server);
        wrong_segments(is_server);
    }
    wrong_configurations();
    for (unsigned which = 0; which < sizeof endings / sizeof *endings; which++) {
        if (endings[which].misbehaviour != WRONG_AREA)
            misled_server(which);
        misled_secondary(which);
    }
    no_time();
    end_listening();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
