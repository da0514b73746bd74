/*
 * short_reads.cc - a program that answers a Read with what it has at hand, and with success: half
 * of what was asked for, and more the next time [CMD-READ-08]
 */
#include "agent.hpp"

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    FILE *file = std::fopen(job.files[0].c_str(), job.backup ? "we" : "re");
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDC_Command *command;
    VDConfig config = configuration(1);
    if (file == nullptr || set.Create(mutable_text(job.set), &config) != NOERROR)
        return 1;
    Statement running(statement(job));
    int result = set.GetConfiguration(30000, &config);
    if (result == NOERROR)
        result = set.OpenDevice(mutable_text(job.set), &device);
    while (result == NOERROR && (result = device->GetCommand(-1, &command)) == NOERROR) {
        VDC_Command half = *command;
        unsigned long moved;
        if (half.commandCode == VDC_Read)
            half.size /= 2;
        int code = execute(&half, file, &moved);
        result = device->CompleteCommand(command, code, moved, 0);
    }
    set.Close();
    bool kept = std::fclose(file) == 0;
    return running.succeeded() && kept && result == VD_E_CLOSE ? 0 : 1;
}
