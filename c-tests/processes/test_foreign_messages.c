/*
 * Whoever may connect to the socket of a set can say anything: nonsense ends the connection, and
 * the set only if it comes from its server. Packets as in docs/shared-memory-format.md.
 */
#include "engine.h"
#include "roles.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/un.h>

enum { FIRST_PAGE = 4096 };
enum { HELLO = 1, WELCOME = 2, REFUSED = 3, AREA = 4 };
enum { SERVER = 1, SECONDARY = 2 };

static char name[NAME_SIZE];
static struct peer primary;

struct packet {
    size_t size;
    uint8_t bytes[2000];
};

static void put(struct packet *packet, const void *bytes, size_t size)
{
    memcpy(packet->bytes + packet->size, bytes, size);
    packet->size += size;
}

static void put_number(struct packet *packet, uint32_t number)
{
    put(packet, &number, sizeof number); /* all supported machines are little endian */
}

static struct packet message(uint32_t version, uint32_t kind)
{
    struct packet packet = {.size = 0};
    put(&packet, "vdi", 4);
    put_number(&packet, version);
    put_number(&packet, kind);
    return packet;
}

static struct packet hello_to(const char *instance, uint32_t role, const char *set)
{
    struct packet packet = message(1, HELLO);
    put_number(&packet, role);
    put_number(&packet, (uint32_t)strlen(instance));
    put(&packet, instance, strlen(instance));
    put_number(&packet, (uint32_t)strlen(set));
    put(&packet, set, strlen(set));
    return packet;
}

static struct packet hello(uint32_t role, const char *set)
{
    return hello_to("", role, set);
}

static struct packet area(uint32_t index)
{
    struct packet packet = message(1, AREA);
    put_number(&packet, index);
    put_number(&packet, 65536);
    put_number(&packet, 0);
    return packet;
}

/* A connection to the only set in the runtime directory. */
static int knock(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("VDI_RUNTIME_DIR");
    DIR *directory = opendir(path);
    struct dirent *entry;
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        if (strstr(entry->d_name, ".set") != NULL)
            snprintf(address.sun_path, sizeof address.sun_path, "%.60s/%.40s", path,
                     entry->d_name);
    closedir(directory);
    int visitor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK(connect(visitor, (struct sockaddr *)&address, sizeof address) == 0);
    return visitor;
}

static void say(int visitor, struct packet packet)
{
    CHECK(send(visitor, packet.bytes, packet.size, MSG_NOSIGNAL) == (ssize_t)packet.size);
}

/* The kind of the answer; 0 for a hang-up. */
static uint32_t answer_to(int visitor)
{
    uint32_t answer[256];
    ssize_t size = recv(visitor, answer, sizeof answer, 0);
    if (size <= 0)
        return 0;
    CHECK(size >= 12);
    return answer[2];
}

static void is_well(void)
{
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_NONE);
}

/* Before it is admitted, a visitor is sent away, and nobody else notices. [SEC-07] */
static void strangers(void)
{
    struct packet nonsense[] = {message(2, HELLO), message(1, 77), hello(3, name),
                                message(1, HELLO), area(0),        hello(SERVER, name)};
    put(&nonsense[5], "x", 1);
    for (unsigned i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        int visitor = knock();
        say(visitor, nonsense[i]);
        CHECK_EQUAL(answer_to(visitor), 0);
        close(visitor);
        is_well();
    }
    int visitor = knock();
    say(visitor, (struct packet){.size = sizeof nonsense[0].bytes});
    CHECK_EQUAL(answer_to(visitor), 0);
    close(visitor);
    static const char *const wrong[] = {"another set", ""};
    for (unsigned i = 0; i < 2; i++) {
        visitor = knock();
        say(visitor, hello(SERVER, wrong[i]));
        CHECK_EQUAL(answer_to(visitor), REFUSED);
        CHECK_EQUAL(answer_to(visitor), 0);
        close(visitor);
    }
    visitor = knock();
    say(visitor, hello_to("another instance", SERVER, name));
    CHECK_EQUAL(answer_to(visitor), REFUSED);
    close(visitor);
    close(knock()); /* says nothing */
    is_well();
}

/* A secondary that talks nonsense is let go; its set goes on. [SEC-07, PROC-05] */
static void bad_secondary(void)
{
    static struct engine engine;
    int silent = knock();
    engine_open(&engine, name, 1, 4096, 0);
    int visitor = knock();
    say(visitor, hello(SECONDARY, name));
    CHECK_EQUAL(answer_to(visitor), WELCOME);
    say(visitor, area(7));
    CHECK_EQUAL(answer_to(visitor), 0);
    is_well();
    client_open_device(primary, name, 0);
    engine_finish(&engine);
    ASK(primary, VD_E_CLOSE, GET_COMMAND, .timeout = VDI_INFINITE);
    CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    ASK(primary, NOERROR, CLOSE);
    CHECK_EQUAL(answer_to(silent), 0);
    close(visitor);
    close(silent);
}

/* A server that does is the end of the set. [SEC-07] */
static void bad_server(struct packet packet, uint32_t reason)
{
    client_named(primary, CREATE, name, NOERROR);
    BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    int visitor = knock();
    say(visitor, hello(SERVER, name));
    CHECK_EQUAL(answer_to(visitor), WELCOME);
    say(visitor, packet);
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, reason);
    close(visitor);
    ASK(primary, NOERROR, CLOSE);
}

/* The control segment that comes with the welcome. */
static char *welcome_to(int visitor)
{
    char packet[64], control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = packet, .iov_len = sizeof packet};
    struct msghdr welcome = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    int memory;
    CHECK(recvmsg(visitor, &welcome, MSG_CMSG_CLOEXEC) > 12);
    CHECK(CMSG_FIRSTHDR(&welcome) != NULL);
    memcpy(&memory, CMSG_DATA(CMSG_FIRSTHDR(&welcome)), sizeof memory);
    char *segment = mmap(NULL, FIRST_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    CHECK(segment != MAP_FAILED);
    close(memory);
    return segment;
}

/* A server that hangs up and has not closed the set counts as dead. [CRASH-01] */
static void lost_server(void)
{
    enum { PHASE = 128, CONNECTED = 2 };
    client_named(primary, CREATE, name, NOERROR);
    BEGIN(primary, GET_CONFIGURATION, .timeout = VDI_INFINITE);
    int visitor = knock();
    say(visitor, hello(SERVER, name));
    char *segment = welcome_to(visitor);
    __atomic_store_n((uint32_t *)(segment + PHASE), CONNECTED, __ATOMIC_SEQ_CST);
    close(visitor);
    FINISH(primary, VD_E_ABORT);
    CHECK_EQUAL(ASK(primary, NOERROR, ABORT_REASON).reason, VDI_ABORT_SERVER_DIED);
    ASK(primary, NOERROR, CLOSE);
    CHECK(munmap(segment, FIRST_PAGE) == 0);
}

static void run(void)
{
    unique_name(name);
    primary = spawn_client();
    client_named(primary, CREATE, name, NOERROR);
    strangers();
    bad_secondary();
    bad_server(hello(SERVER, name), VDI_ABORT_CORRUPTION);
    bad_server(message(9, AREA), VDI_ABORT_CORRUPTION);
    bad_server(area(0), VDI_ABORT_RESOURCES); /* without its memory */
    lost_server();
    client_leave(primary);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {CLIENT_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
