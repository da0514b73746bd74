/* The installed header for C++ finds the others, and the installed library. */
#include <vdi.hpp>

int main()
{
    try {
        vdi::primary set("no\\name");
    } catch (const vdi::error &error) {
        return error.code() == VD_E_INVALID ? 0 : 1;
    }
    return 1;
}
