/*
 * careless.cc - a program that ends as soon as something is wrong: no Close, no destructor, and
 * nobody waits for the statement [SMP-12, SMP-19]
 */
#include "agent.hpp"

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDConfig config = configuration(1);
    if (set.Create(mutable_text(job.set), &config) != NOERROR)
        _exit(1);
    Statement running(statement(job));
    if (set.GetConfiguration(-1, &config) != NOERROR ||
        set.OpenDevice(mutable_text(job.set), &device) != NOERROR)
        _exit(1);
    FILE *file = std::fopen(job.files[0].c_str(), job.backup ? "we" : "re");
    if (file == nullptr || serve(device, file, -1) != VD_E_CLOSE || std::fclose(file) != 0)
        _exit(1);
    _exit(running.succeeded() ? 0 : 1);
}
