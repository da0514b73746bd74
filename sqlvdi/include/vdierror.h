/*
 * vdierror.h - result codes of the Virtual Device Interface on Linux
 *
 * The names and values are the published ones. A result is NOERROR or negative; no function returns
 * a positive value. Compare with NOERROR: a later library may return a code that is not in this list.
 *
 * Which function returns what is written in vdi.h. The numbers in brackets are rules of
 * docs/vdi-spec.md of libvdi.
 */
#ifndef SQLVDI_VDIERROR_H
#define SQLVDI_VDIERROR_H

/* A macro of that header alone; a guard called VDI_H a program may have, too. */
#ifdef VDI_MUST_USE
#error "include either the C interface of libvdi or the classes of sqlvdi, not both in one source file"
#endif

/* The result code of a number: severity 1, facility 0x77. */
#define VD_ERROR(code) (static_cast<int>(0x80770000U | (code)))

/* The call succeeded. [RC-00] */
#define NOERROR 0

/* 0x80770002: the object was not open. No function of this library returns it. [RC-02] */
#define VD_E_NOTOPEN (-2139684862)

/* 0x80770003: the call waited and its interval elapsed; everything stays usable. [RC-03] */
#define VD_E_TIMEOUT (-2139684861)

/* 0x80770004: an abort is in force; only closing makes sense now. [RC-04] */
#define VD_E_ABORT (-2139684860)

/* 0x80770005: permission is missing, or the security set-up failed. [RC-05] */
#define VD_E_SECURITY (-2139684859)

/* 0x80770006: a parameter, or a variable of the environment, is not valid. [RC-06] */
#define VD_E_INVALID (-2139684858)

/* 0x80770007: the instance name is malformed; there are no instances here. [RC-07] */
#define VD_E_INSTANCE_NAME (-2139684857)

/* 0x80770009: the requested configuration is invalid. [RC-09] */
#define VD_E_NOTSUPPORTED (-2139684855)

/* 0x8077000A: out of memory. [RC-0A] */
#define VD_E_MEMORY (-2139684854)

/* 0x8077000B: an operating system error that has no better code, or an error in the library. [RC-0B] */
#define VD_E_UNEXPECTED (-2139684853)

/* 0x8077000C: the call is not allowed now, or the object has nothing open. [RC-0C] */
#define VD_E_PROTOCOL (-2139684852)

/* 0x8077000D: all devices are open already, or devices are still open. [RC-0D] */
#define VD_E_OPEN (-2139684851)

/* 0x8077000E: the device is now closed; part of every normal ending. [RC-0E] */
#define VD_E_CLOSE (-2139684850)

/* 0x8077000F: somebody else is using the object. [RC-0F] */
#define VD_E_BUSY (-2139684849)

#endif
