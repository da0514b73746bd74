/*
 * stripes.cc - a thread for each device; every one of them asks for the configuration again, and
 * one that fails aborts the set for all [SMP-13, SMP-14]
 */
#include "agent.hpp"

#include <thread>

static void work(ClientVirtualDeviceSet *set, Job job, std::size_t index, int *result)
{
    VDConfig config;
    ClientVirtualDevice *device;
    std::string name = device_name(job, index);
    *result = set->GetConfiguration(-1, &config);
    if (*result != NOERROR || (*result = set->OpenDevice(mutable_text(name), &device)) != NOERROR)
        return;
    FILE *file = std::fopen(job.files[index].c_str(), job.backup ? "we" : "re");
    *result = file != nullptr ? serve(device, file, -1) : -1;
    if (file == nullptr)
        std::perror(job.files[index].c_str());
    else
        std::fclose(file);
    if (*result != VD_E_CLOSE)
        set->SignalAbort();
    delete device;
}

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    ClientVirtualDeviceSet set;
    VDConfig config = configuration(job.files.size(), VDF_RequestComplete);
    int result = set.Create(mutable_text(job.set), &config);
    if (result != NOERROR)
        return !failed("Create", result);
    /* Nothing else is asked of the engine than that it finds a place for so many devices. */
    Statement running(statement(job, "MAXTRANSFERSIZE=65536, BUFFERCOUNT=64"));
    result = set.GetConfiguration(15000, &config);
    std::vector<int> results(job.files.size(), result);
    std::vector<std::thread> threads;
    for (std::size_t k = 0; result == NOERROR && k < job.files.size(); k++)
        threads.emplace_back(work, &set, job, k, &results[k]);
    for (std::thread &thread : threads)
        thread.join();
    bool good = true;
    for (int end : results)
        good = good && end == VD_E_CLOSE;
    set.Close();
    return running.succeeded() && good ? 0 : 1;
}
