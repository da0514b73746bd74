/*
 * late_complete.cc - a program that, when all data has come, first brings the backup to another
 * place, and answers VDC_Complete an hour later [CMPL-04]
 *
 * With SERVER_TIMEOUT in the environment it lets the server give up after so many milliseconds.
 */
#include "agent.hpp"

#include <ctime>

static const time_t HOUR = 3600;

static time_t seconds_now()
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* Takes an hour, unless the set ends before. */
static void bring_away(ClientVirtualDevice *device, const std::string &path)
{
    time_t begun = seconds_now();
    FILE *note = std::fopen((path + ".going").c_str(), "we");
    if (note != nullptr)
        std::fclose(note);
    VDC_Command *next;
    while (seconds_now() - begun < HOUR && device->GetCommand(10, &next) == VD_E_TIMEOUT)
        continue;
}

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    const char *server_timeout = std::getenv("SERVER_TIMEOUT");
    FILE *file = std::fopen(job.files[0].c_str(), job.backup ? "we" : "re");
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config = configuration(1, VDF_RequestComplete);
    config.serverTimeOut = server_timeout ? static_cast<uint32_t>(std::atoi(server_timeout)) : 0;
    if (file == nullptr || set.Create(mutable_text(job.set), &config) != NOERROR)
        return 1;
    Statement running(statement(job));
    int result = set.GetConfiguration(60000, &config);
    if (result == NOERROR)
        result = set.OpenDevice(mutable_text(job.set), &device);
    while (result == NOERROR && (result = device->GetCommand(-1, &command)) == NOERROR) {
        unsigned long moved = 0;
        int code = ERROR_SUCCESS;
        if (command->commandCode == VDC_Complete && (config.features & VDF_CompleteEnabled))
            bring_away(device, job.files[0]);
        else
            code = execute(command, file, &moved);
        result = device->CompleteCommand(command, code, moved, 0);
    }
    set.Close();
    bool kept = std::fclose(file) == 0;
    return running.succeeded() && kept && result == VD_E_CLOSE ? 0 : 1;
}
