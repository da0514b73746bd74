/*
 * Descriptors whose closing takes an hour: connections that wait for a reader that does not read. A
 * peer that sends one, as memory, as part of nonsense or unread, holds nobody up but the thread that
 * closes it.
 */
#include "hostile/attack.h"
#include "hostile/victim.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct peer victim;
static struct sockaddr_in sink_address = {.sin_family = AF_INET};

/* Where the connections go. As long as it is open, and does not read, they cannot be closed. */
static int sink_open(void)
{
    socklen_t length = sizeof sink_address;
    sink_address.sin_port = 0;
    sink_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int sink = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sink < 0 || bind(sink, (struct sockaddr *)&sink_address, sizeof sink_address) != 0)
        skip("no network, not even within the machine");
    CHECK(listen(sink, 100) == 0);
    CHECK(getsockname(sink, (struct sockaddr *)&sink_address, &length) == 0);
    return sink;
}

static int slow_to_close(void)
{
    static char bytes[65536];
    struct linger hour = {.l_onoff = 1, .l_linger = 3600};
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(connection, (struct sockaddr *)&sink_address, sizeof sink_address) == 0);
    CHECK(setsockopt(connection, SOL_SOCKET, SO_LINGER, &hour, sizeof hour) == 0);
    while (send(connection, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
    return connection;
}

static void be_quick(int connection)
{
    struct linger none = {.l_onoff = 0};
    CHECK(setsockopt(connection, SOL_SOCKET, SO_LINGER, &none, sizeof none) == 0);
}

/* Sends one while the victim stands still, so that the victim has the last copy. */
static void send_slow(int connection, const struct packet *packet, unsigned messages)
{
    int status;
    CHECK(kill(victim.pid, SIGSTOP) == 0);
    CHECK(waitpid(victim.pid, &status, WUNTRACED) == victim.pid && WIFSTOPPED(status));
    for (; messages > 0; messages--) {
        int slow = slow_to_close();
        if (!wire_send(connection, packet, &slow, 1))
            be_quick(slow); /* it was not taken, and this is the last copy */
        close(slow);
        /* Looks like an end. */
        wire_send(connection, &(struct packet){.size = 0}, NULL, 0);
    }
    CHECK(kill(victim.pid, SIGCONT) == 0);
}

/* What is sent, and how often. */
static struct packet packet_to_send;
static unsigned messages_to_send;
static enum moment moment_to_send;

static void send_once(enum moment moment, struct forged *forged)
{
    if (moment == moment_to_send && forged->connection > 0)
        send_slow(forged->connection, &packet_to_send, messages_to_send);
    messages_to_send = moment == moment_to_send ? 0 : messages_to_send;
}

/* [SEC-07, CRASH-01] */
static void run(void)
{
    static const enum part parts[] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY, BE_BOTH};
    char name[NAME_SIZE];
    unique_name(name);
    victim = victim_start(name);
    for (unsigned part = 0; part < sizeof parts / sizeof *parts; part++)
        for (moment_to_send = JOINING; moment_to_send < MOMENTS; moment_to_send++)
            for (unsigned messages = 1; messages <= 3; messages += 2)
                for (unsigned kind = AREA; kind <= MAPPED + 1; kind += 2) {
                    int sink = sink_open();
                    attack_begin(messages);
                    attack_note(" %u messages %u at %u", messages, kind, moment_to_send);
                    messages_to_send = messages;
                    packet_to_send =
                        kind == AREA ? wire_area(0, FORGED_AREA) : wire_message(1, kind);
                    attack_play(victim, parts[part], name, send_once);
                    close(sink);
                }
    victim_leave(victim);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {VICTIM_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
