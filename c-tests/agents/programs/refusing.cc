/*
 * refusing.cc - a program that claims every feature that a pipe can have, and refuses every command
 * that it need not know [FEAT-41]
 */
#include "agent.hpp"

static bool has_to_know(int command)
{
    return command == VDC_Read || command == VDC_Write || command == VDC_Flush ||
           command == VDC_ClearError;
}

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    const uint32_t claims = VDF_Discard | VDF_SnapshotPrepare | VDF_EnumFrozenFiles |
                            VDF_VSSWriter | VDF_RequestComplete | VDF_LatchStats;
    FILE *file = std::fopen(job.files[0].c_str(), job.backup ? "we" : "re");
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDConfig config = configuration(1, claims);
    if (file == nullptr || set.Create(mutable_text(job.set), &config) != NOERROR)
        return 1;
    Statement running(statement(job));
    int result = set.GetConfiguration(15000, &config);
    if (result == NOERROR)
        result = set.OpenDevice(mutable_text(job.set), &device);
    VDC_Command *command;
    while (result == NOERROR && (result = device->GetCommand(-1, &command)) == NOERROR) {
        unsigned long moved = 0;
        int code = has_to_know(command->commandCode) ? execute(command, file, &moved)
                                                     : ERROR_NOT_SUPPORTED;
        result = device->CompleteCommand(command, code, moved, 0);
    }
    set.Close();
    bool kept = std::fclose(file) == 0;
    return running.succeeded() && kept && result == VD_E_CLOSE ? 0 : 1;
}
