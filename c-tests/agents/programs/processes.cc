/*
 * processes.cc - a primary without a device of its own, and a secondary process for each device
 *
 * The primary waits for its children and for the statement one by one, and aborts the set when the
 * first of them fails. [SMP-15] With DIES=n in the environment, the secondary n kills itself when
 * it has its second command.
 */
#include "agent.hpp"

#include <csignal>

static int secondary(Job &job, std::size_t index)
{
    const char *dies = std::getenv("DIES");
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config;
    std::string name = device_name(job, index);
    FILE *file = std::fopen(job.files[index].c_str(), job.backup ? "we" : "re");
    /* Here it exits without Close. [SMP-12] */
    if (file == nullptr || set.OpenInSecondary(mutable_text(job.set)) != NOERROR ||
        set.OpenDevice(mutable_text(name), &device) != NOERROR ||
        set.GetConfiguration(-1, &config) != NOERROR)
        _exit(1);
    int result;
    for (int count = 1; (result = device->GetCommand(-1, &command)) == NOERROR; count++) {
        unsigned long moved;
        if (dies && count == 2 && std::strtoul(dies, nullptr, 10) == index)
            std::raise(SIGKILL);
        int code = execute(command, file, &moved);
        if ((result = device->CompleteCommand(command, code, moved, 0)) != NOERROR)
            break;
    }
    bool good = std::fclose(file) == 0 && result == VD_E_CLOSE;
    if (!good)
        set.SignalAbort();
    set.Close();
    return good ? 0 : 1;
}

/* A new process that runs this program as a secondary. */
static void start(char **argv, const Job &job, std::size_t index)
{
    if (fork() != 0)
        return;
    setenv("SET", job.set.c_str(), 1);
    setenv("INDEX", std::to_string(index).c_str(), 1);
    execv("/proc/self/exe", argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    if (const char *set = std::getenv("SET")) {
        job.set = set;
        return secondary(job, std::strtoul(std::getenv("INDEX"), nullptr, 10));
    }
    ClientVirtualDeviceSet set;
    VDConfig config = configuration(job.files.size());
    int result = set.Create(mutable_text(job.set), &config);
    if (result != NOERROR)
        return !failed("Create", result);
    Statement running(statement(job));
    result = set.GetConfiguration(15000, &config);
    std::size_t children = 1;
    for (; result == NOERROR && children <= job.files.size(); children++)
        start(argv, job, children - 1);
    bool good = result == NOERROR;
    /* The statement is one of the children. */
    int status;
    for (; children > 0 && wait(&status) > 0; children--) {
        if (status != 0 && good)
            set.SignalAbort();
        good = good && status == 0;
    }
    set.Close();
    return good ? 0 : 1;
}
