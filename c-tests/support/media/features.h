/*
 * features.h - which commands the features of a set allow
 *
 * The server asks before it sends, the client before it executes.
 */
#ifndef FEATURES_H
#define FEATURES_H

#include <vdi.h>

static inline int features_allow(uint32_t features, int32_t command)
{
    switch (command) {
    case VDC_Read:
    case VDC_Write:
    case VDC_ClearError:
    case VDC_Flush:
        return 1;
    case VDC_Rewind:
        return (features & VDF_Rewind) != 0;
    case VDC_WriteMark:
    case VDC_SkipMarks:
        return (features & VDF_FileMarks) != 0;
    case VDC_SkipBlocks:
        return (features & VDF_SkipBlocks) != 0;
    case VDC_Load:
        return (features & VDF_Removable) != 0;
    case VDC_GetPosition:
    case VDC_SetPosition:
        return (features & (VDF_Position | VDF_RandomAccess)) != 0;
    case VDC_Discard:
        return (features & VDF_Discard) != 0;
    case VDC_Complete:
        return (features & VDF_CompleteEnabled) != 0;
    default:
        /* Snapshots are another kind of backup; the rest is undocumented or unknown. */
        return 0;
    }
}

#endif
