/*
 * What the environment says: nothing is guessed, and failures are written down where it says, and
 * nowhere else.
 */
#include "client.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

static char name[NAME_SIZE];
static std::string log_path;

static void set_variable(const char *variable, const char *value)
{
    CHECK((value ? setenv(variable, value, 1) : unsetenv(variable)) == 0);
}

/* What is in a file; nothing if there is none. */
static std::string content(const std::string &path)
{
    std::string text;
    std::FILE *file = std::fopen(path.c_str(), "re");
    for (int next; file != nullptr && (next = std::fgetc(file)) != EOF;)
        text += static_cast<char>(next);
    if (file != nullptr)
        std::fclose(file);
    return text;
}

/* What is in the log since it was last asked for. */
static std::string logged()
{
    std::string text = content(log_path);
    (void)unlink(log_path.c_str());
    return text;
}

/* A line that says all of this. */
static void says(const std::string &text, std::initializer_list<const char *> parts)
{
    CHECK(!text.empty() && text.back() == '\n' && text.find('\n') == text.size() - 1);
    for (const char *part : parts)
        CHECK_CONTAINS(text.c_str(), part);
}

/* A value that is not understood refuses every set, and is named. [AMB-01, AMB-26] */
static void bad_values()
{
    struct {
        const char *variable, *value;
    } const bad[] = {
        {"SQLVDI_ALLOW_UID", "mssql"},    {"SQLVDI_ALLOW_UID", ""},
        {"SQLVDI_ALLOW_GID", "-1"},       {"SQLVDI_ALLOW_GID", "4294967295"},
        {"SQLVDI_ALLOW_GID", "\xff"},     {"SQLVDI_GETCOMMAND_TIMEOUT_UNIT", "sec"},
    };
    for (const auto &one : bad) {
        ClientVirtualDeviceSet set, other;
        VDConfig config = one_device();
        set_variable(one.variable, one.value);
        CHECK_RESULT(set.Create(name, &config), VD_E_INVALID);
        says(logged(), {"ClientVirtualDeviceSet::Create", name, "VD_E_INVALID", one.variable});
        CHECK_RESULT(set.OpenInSecondary(name), VD_E_INVALID);
        says(logged(), {"ClientVirtualDeviceSet::OpenInSecondary", one.variable});
        set_variable(one.variable, nullptr);
        CHECK_RESULT(set.OpenInSecondary(name), VD_E_PROTOCOL); /* nothing was created */
        (void)logged();
    }
}

/* Ordinary answers leave no line; failures leave one that names call, object, code and cause. */
static void what_is_logged()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device, *none;
    VDC_Command *command;
    VDConfig config;
    char odd[] = "odd\nname";
    char user[32];
    std::snprintf(user, sizeof user, "user %u", geteuid());
    create(&set, name, 1);
    char malformed[] = "back\\slash";
    config = one_device();
    CHECK_RESULT(set.Create(malformed, &config), VD_E_PROTOCOL);
    says(logged(), {"Create", "VD_E_PROTOCOL", "has a set open"});
    CHECK_RESULT(set.GetConfiguration(0, &config), VD_E_TIMEOUT);
    says(logged(), {"GetConfiguration", name, user, "0x80770003", "SQLVDI_ALLOW_UID"});
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(odd, &none), VD_E_INVALID);
    says(logged(), {"OpenDevice", name, "VD_E_INVALID", "odd\\n"});
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    CHECK_RESULT(set.OpenDevice(name, &none), VD_E_OPEN);
    CHECK_RESULT(device->GetCommand(0, &command), VD_E_TIMEOUT);
    CHECK_TEXT(logged().c_str(), "");
    CHECK_RESULT(device->CompleteCommand(nullptr, 0, 0, 0), VD_E_INVALID);
    says(logged(), {"ClientVirtualDevice::CompleteCommand", "device \"", name, "VD_E_INVALID"});
    stage_abort(engine);
    CHECK_RESULT(device->GetCommand(-1, &command), VD_E_ABORT);
    says(logged(), {"ClientVirtualDevice::GetCommand", name, "0x80770004", "reason 3",
                    "the disk\\nis on fire"});
    CHECK_RESULT(set.Close(), NOERROR);
    CHECK_TEXT(logged().c_str(), "");
    CHECK_RESULT(set.Close(), VD_E_PROTOCOL);
    says(logged(), {"ClientVirtualDeviceSet::Close", "0x8077000c", "nothing open"});
    stage_leave_aborted(engine);
    delete device;
}

/* A program that asks an object again and again gets a line for each answer that is new; another set at
 * the same address is. */
static void asked_again()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config;
    for (int round = 0; round < 2; round++) {
        create(&set, name, 1);
        CHECK_RESULT(set.GetConfiguration(0, &config), VD_E_TIMEOUT);
        says(logged(), {"GetConfiguration", name, "VD_E_TIMEOUT"});
        for (int more = 0; more < 3; more++)
            CHECK_RESULT(set.GetConfiguration(0, &config), VD_E_TIMEOUT);
        CHECK_TEXT(logged().c_str(), "");
        statement *engine = stage_open(name, 1);
        CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
        stage_abort(engine);
        CHECK_RESULT(set.GetConfiguration(0, &config), VD_E_ABORT);
        says(logged(), {"GetConfiguration", "VD_E_ABORT"});
        CHECK_RESULT(device->GetCommand(0, &command), VD_E_ABORT);
        says(logged(), {"GetCommand", "VD_E_ABORT"});
        for (int more = 0; more < 3; more++) {
            CHECK_RESULT(set.GetConfiguration(0, &config), VD_E_ABORT);
            CHECK_RESULT(device->GetCommand(0, &command), VD_E_ABORT);
        }
        CHECK_RESULT(set.Close(), NOERROR);
        CHECK_TEXT(logged().c_str(), "");
        CHECK_RESULT(device->GetCommand(0, &command), VD_E_PROTOCOL);
        CHECK_RESULT(device->GetCommand(0, &command), VD_E_PROTOCOL);
        says(logged(), {"GetCommand", "VD_E_PROTOCOL"});
        stage_leave_aborted(engine);
        delete device;
    }
}

/* The normal end of a set leaves no line, nor does that of an object without one. */
static void silent_ends()
{
    ClientVirtualDeviceSet set, never;
    ClientVirtualDevice *device;
    create(&set, name, 1);
    statement *engine = stage_open(name, 1);
    CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
    serve_end(device, engine);
    delete device;
    CHECK_RESULT(set.Close(), NOERROR);
    CHECK_TEXT(logged().c_str(), "");
}

/* The end of an object with a device open is told, with the name of the set. */
static void destructor_is_heard()
{
    statement *engine;
    {
        ClientVirtualDeviceSet set;
        ClientVirtualDevice *device;
        create(&set, name, 1);
        engine = stage_open(name, 1);
        CHECK_RESULT(set.OpenDevice(name, &device), NOERROR);
        delete device;
    }
    says(logged(), {"~ClientVirtualDeviceSet", name, "VD_E_OPEN"});
    stage_leave_aborted(engine);
}

/* The log goes there from now on: the variable is read when a set is opened. */
static void log_to(const char *place)
{
    ClientVirtualDeviceSet set;
    char none[] = "none";
    set_variable("SQLVDI_LOG", place);
    CHECK_RESULT(set.OpenInSecondary(none), VD_E_PROTOCOL);
}

/* A call that fails, with the log at this place; what came out at a descriptor meanwhile. */
static std::string said_at(int descriptor, const char *place)
{
    std::string path = std::string(test_directory()) + "/said";
    ClientVirtualDeviceSet set;
    int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int before = fcntl(descriptor, F_DUPFD_CLOEXEC, 10);
    CHECK(file >= 0 && before >= 0 && dup2(file, descriptor) == descriptor);
    log_to(place);
    CHECK(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
    int result = set.SignalAbort();
    CHECK(dup2(before, descriptor) == descriptor && close(before) == 0 && close(file) == 0);
    log_to(log_path.c_str());
    CHECK_RESULT(result, VD_E_PROTOCOL);
    return content(path);
}

/* Nothing by default, and never on standard output; not through a link, nor into what is no file, and
 * then nowhere else: what is at descriptor 2 may be data of the program. */
static void places()
{
    std::string link = std::string(test_directory()) + "/link";
    std::string fifo = std::string(test_directory()) + "/fifo";
    CHECK(symlink(log_path.c_str(), link.c_str()) == 0 && mkfifo(fifo.c_str(), 0600) == 0);
    const char *const silent[] = {nullptr, ""};
    for (const char *place : silent)
        CHECK_TEXT(said_at(STDERR_FILENO, place).c_str(), "");
    says(said_at(STDERR_FILENO, "stderr"), {"SignalAbort", "nothing open"});
    const char *const wrong[] = {link.c_str(), fifo.c_str(), "/dev/full", "/dev/null",
                                 "/nonexistent/log",
                                 test_directory()};
    for (const char *place : wrong) {
        CHECK_TEXT(said_at(STDERR_FILENO, place).c_str(), "");
        CHECK_TEXT(said_at(STDOUT_FILENO, place).c_str(), "");
    }
    CHECK_TEXT(said_at(STDOUT_FILENO, "stderr").c_str(), "");
    (void)logged();
}

/* The variable is read when a set is opened, and at no other time: a thread may change it meanwhile. */
static void read_with_a_set()
{
    ClientVirtualDeviceSet set;
    std::string other = std::string(test_directory()) + "/other";
    log_to(log_path.c_str());
    (void)logged();
    set_variable("SQLVDI_LOG", other.c_str());
    CHECK_RESULT(set.SignalAbort(), VD_E_PROTOCOL);
    says(logged(), {"SignalAbort"});
    CHECK_TEXT(content(other).c_str(), "");
    log_to(other.c_str());
    CHECK_RESULT(set.SignalAbort(), VD_E_PROTOCOL);
    CHECK_TEXT(logged().c_str(), "");
    CHECK_CONTAINS(content(other).c_str(), "SignalAbort");
    log_to(log_path.c_str());
    (void)logged();
}

/* Whether a SIGPIPE is waiting for this thread. */
static bool is_pending()
{
    sigset_t pending;
    CHECK(sigpending(&pending) == 0);
    return sigismember(&pending, SIGPIPE) == 1;
}

/* A call that fails, with the log at a pipe that nobody reads any more. */
static void log_to_broken_pipe()
{
    ClientVirtualDeviceSet set;
    int ends[2], before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    CHECK(before >= 0 && pipe2(ends, O_CLOEXEC) == 0 && close(ends[0]) == 0);
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO && close(ends[1]) == 0);
    log_to("stderr");
    int result = set.SignalAbort();
    CHECK(dup2(before, STDERR_FILENO) == STDERR_FILENO && close(before) == 0);
    CHECK_RESULT(result, VD_E_PROTOCOL);
    log_to(log_path.c_str());
    (void)logged();
}

/* It ends neither the program nor the call; a SIGPIPE that the program holds back is left to it. */
static void broken_pipe()
{
    sigset_t blocked, mask;
    struct timespec now = {0, 0};
    CHECK(std::signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    log_to_broken_pipe();
    CHECK(!is_pending() && pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0);
    CHECK(sigismember(&mask, SIGPIPE) == 0);
    CHECK(sigemptyset(&blocked) == 0 && sigaddset(&blocked, SIGPIPE) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &blocked, nullptr) == 0);
    log_to_broken_pipe();
    CHECK(!is_pending() && raise(SIGPIPE) == 0);
    log_to_broken_pipe();
    CHECK(is_pending() && sigtimedwait(&blocked, nullptr, &now) == SIGPIPE);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr) == 0);
}

/* The log belongs to its user alone, and grows. */
static void log_file()
{
    ClientVirtualDeviceSet set;
    struct stat status;
    CHECK_RESULT(set.SignalAbort(), VD_E_PROTOCOL);
    CHECK(stat(log_path.c_str(), &status) == 0 && (status.st_mode & 07777) == 0600);
    off_t length = status.st_size;
    CHECK_RESULT(set.SignalAbort(), VD_E_PROTOCOL);
    CHECK(stat(log_path.c_str(), &status) == 0 && status.st_size == 2 * length);
    (void)logged();
}

static void run()
{
    unique_name(name);
    log_path = std::string(test_directory()) + "/log";
    log_to(log_path.c_str());
    (void)logged();
    bad_values();
    what_is_logged();
    asked_again();
    silent_ends();
    destructor_is_heard();
    places();
    read_with_a_set();
    broken_pipe();
    log_file();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, nullptr, run);
}
