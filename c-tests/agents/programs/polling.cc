/*
 * polling.cc - a program that never waits long in one call, so that it can be cancelled, and so
 * that it sees a statement that fails before the set is opened [CFG-09]
 *
 * The statement has succeeded if its log says so. SIGTERM cancels.
 */
#include "agent.hpp"

#include <csignal>

static volatile std::sig_atomic_t cancelled;

static void cancel(int)
{
    cancelled = 1;
}

/* A second at a time, until the engine comes; false if it will not. */
static bool engine_came(ClientVirtualDeviceSet &set, Statement &running)
{
    VDConfig config;
    int result;
    while ((result = set.GetConfiguration(1000, &config)) == VD_E_TIMEOUT)
        if (cancelled || !running.running())
            return false;
    return result == NOERROR || failed("GetConfiguration", result);
}

/* The command loop, with a look at the world each second. */
static int serve_or_cancel(ClientVirtualDeviceSet &set, ClientVirtualDevice *device, FILE *file)
{
    VDC_Command *command;
    int result;
    while ((result = device->GetCommand(1000, &command)) == NOERROR || result == VD_E_TIMEOUT) {
        if (cancelled)
            set.SignalAbort();
        if (result == VD_E_TIMEOUT)
            continue;
        unsigned long moved;
        int code = execute(command, file, &moved);
        if ((result = device->CompleteCommand(command, code, moved, 0)) != NOERROR)
            break;
    }
    return result;
}

/* What the log says; it is shown, too. */
static bool log_is_good(const std::string &path)
{
    char line[1000];
    bool good = false;
    FILE *log = std::fopen(path.c_str(), "re");
    while (log != nullptr && std::fgets(line, sizeof line, log) != nullptr) {
        std::fputs(line, stdout);
        good = good || std::strstr(line, "successfully processed") != nullptr;
    }
    if (log != nullptr)
        std::fclose(log);
    return good;
}

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    job.set = "Z\xc3\xbcrich, O'Brien/nightly " + job.set;
    std::signal(SIGTERM, cancel);
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device = nullptr;
    VDConfig config = configuration(1, VDF_RequestComplete);
    if (set.Create(mutable_text(job.set), &config) != NOERROR)
        return 1;
    const std::string log = job.files[0] + ".log";
    Statement running(statement(job, "STATS = 10"), log);
    bool good = false;
    if (engine_came(set, running) && set.OpenDevice(mutable_text(job.set), &device) == NOERROR) {
        FILE *file = std::fopen(job.files[0].c_str(), job.backup ? "we" : "re");
        good = file != nullptr && serve_or_cancel(set, device, file) == VD_E_CLOSE;
        good = file != nullptr && std::fclose(file) == 0 && good;
    }
    set.Close();
    delete device;
    bool succeeded = running.succeeded();
    return log_is_good(log) && succeeded && good && !cancelled ? 0 : 1;
}
