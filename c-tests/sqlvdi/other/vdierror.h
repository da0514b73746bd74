// The result codes as another vendor might write them down: the published names and values only.
#pragma once

#define VD_ERROR(code) static_cast<int>(0x80770000u | (code))

#define NOERROR 0
#define VD_E_TIMEOUT VD_ERROR(0x3u)
#define VD_E_ABORT VD_ERROR(0x4u)
#define VD_E_CLOSE VD_ERROR(0xEu)
