/*
 * pipe.cc - one device like a pipe, as the published sample for Linux has it
 *
 * Ten seconds for the configuration, 90 for a command, whatever the unit is; the set is made by new
 * and closed on every path, but never deleted. [SMP-03, SMP-05, SMP-12, SMP-20, AMB-01]
 */
#include "agent.hpp"

static bool transfer(ClientVirtualDeviceSet *set, Job &job)
{
    VDConfig config;
    int result = set->GetConfiguration(10000, &config);
    if (result != NOERROR)
        return failed("GetConfiguration", result);
    ClientVirtualDevice *device;
    result = set->OpenDevice(mutable_text(job.set), &device);
    if (result != NOERROR)
        return failed("OpenDevice", result);
    FILE *file = std::fopen(job.files[0].c_str(), job.backup ? "we" : "re");
    if (file == nullptr) {
        std::perror(job.files[0].c_str());
        return false;
    }
    result = serve(device, file, 90);
    std::fclose(file);
    return result == VD_E_CLOSE || failed("GetCommand", result);
}

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    ClientVirtualDeviceSet *set = new ClientVirtualDeviceSet;
    VDConfig config = configuration(1);
    int result = set->Create(mutable_text(job.set), &config);
    if (result != NOERROR)
        return !failed("Create", result);
    Statement statement_of_job(statement(job));
    bool good = transfer(set, job);
    set->Close();
    return statement_of_job.succeeded() && good ? 0 : 1;
}
