/*
 * tape.cc - a program from the days of tapes: blocks of 64 KiB, ten buffers, filemarks, one tape
 *
 * A tape is a file of records: their length, then their bytes; a filemark is a record of length 0.
 */
#include "agent.hpp"

#include <algorithm>

/* As on Windows; the published header leaves them to the program. */
#define ERROR_FILEMARK_DETECTED 1101
#define ERROR_NO_DATA_DETECTED 1104
#define ERROR_BUS_RESET 1111
#define ERROR_NO_MEDIA_IN_DRIVE 1112
#define ERROR_EOM_OVERFLOW 1129

static FILE *tape;
/* Bytes of the record at which the tape is that were not read yet. */
static uint32_t left_of_record;

static bool write_record(const void *data, uint32_t size)
{
    return std::fwrite(&size, sizeof size, 1, tape) == 1 &&
           (size == 0 || std::fwrite(data, size, 1, tape) == 1);
}

/* Reads up to a filemark or the end of the data; the completion code. [EOM-02] */
static int read_records(uint8_t *data, std::size_t size, unsigned long *moved)
{
    while (*moved < size) {
        if (left_of_record == 0) {
            if (std::fread(&left_of_record, sizeof left_of_record, 1, tape) != 1)
                return ERROR_NO_DATA_DETECTED;
            if (left_of_record == 0)
                return ERROR_FILEMARK_DETECTED;
        }
        std::size_t part = std::min<std::size_t>(left_of_record, size - *moved);
        if (std::fread(data + *moved, part, 1, tape) != 1)
            return ERROR_BUS_RESET;
        left_of_record -= static_cast<uint32_t>(part);
        *moved += part;
    }
    return ERROR_SUCCESS;
}

static int execute(const VDC_Command *command, unsigned long *moved, int64_t *position)
{
    const uint32_t size = static_cast<uint32_t>(command->size);
    *moved = 0;
    *position = 0;
    switch (command->commandCode) {
    case VDC_Read:
        return read_records(command->buffer, size, moved);
    case VDC_Write:
        if (!write_record(command->buffer, size))
            return ERROR_EOM_OVERFLOW;
        *moved = size;
        return ERROR_SUCCESS;
    case VDC_WriteMark:
        return write_record(nullptr, 0) ? ERROR_SUCCESS : ERROR_EOM_OVERFLOW;
    case VDC_Rewind:
        left_of_record = 0;
        return std::fseek(tape, 0, SEEK_SET) == 0 ? ERROR_SUCCESS : ERROR_BUS_RESET;
    case VDC_GetPosition:
        *position = std::ftell(tape);
        return ERROR_SUCCESS;
    case VDC_SetPosition:
        *position = command->position;
        left_of_record = 0;
        return std::fseek(tape, command->position, SEEK_SET) == 0 ? ERROR_SUCCESS : ERROR_BUS_RESET;
    case VDC_Flush:
        return std::fflush(tape) == 0 ? ERROR_SUCCESS : ERROR_EOM_OVERFLOW;
    case VDC_Load:
        return ERROR_NO_MEDIA_IN_DRIVE;
    case VDC_ClearError:
        return ERROR_SUCCESS;
    default:
        return ERROR_NOT_SUPPORTED;
    }
}

int main(int argc, char **argv)
{
    Job job = parse(argc, argv);
    job.set = "{" + job.set + "}";
    /* Every backup begins with an empty tape. */
    tape = std::fopen(job.files[0].c_str(), job.backup ? "w+e" : "re");
    if (tape == nullptr)
        return 1;
    ClientVirtualDeviceSet set;
    ClientVirtualDevice *device;
    VDConfig config = configuration(1, VDF_LikeTape);
    int result = set.Create(mutable_text(job.set), &config);
    if (result != NOERROR)
        return !failed("Create", result);
    Statement running(statement(job, "BLOCKSIZE=65536, BUFFERCOUNT=10, MAXTRANSFERSIZE=65536"));
    result = set.GetConfiguration(60000, &config);
    if (result == NOERROR && config.blockSize == 65536)
        result = set.OpenDevice(mutable_text(job.set), &device);
    VDC_Command *command;
    while (result == NOERROR && (result = device->GetCommand(180000, &command)) == NOERROR) {
        unsigned long moved;
        int64_t position;
        int code = execute(command, &moved, &position);
        result = device->CompleteCommand(command, code, moved, position);
    }
    set.Close();
    bool kept = std::fclose(tape) == 0;
    return running.succeeded() && kept && result == VD_E_CLOSE ? 0 : 1;
}
