# Installs into a scratch prefix, moves it, and builds and runs a consumer against the moved files,
# once through find_package and once through pkg-config.

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${SCRATCH}/first")
set(prefix "${SCRATCH}/moved")
file(RENAME "${SCRATCH}/first" "${prefix}")

set(libdir "${prefix}/${LIBDIR}")
foreach(file
    "${prefix}/include/vdi.h" "${prefix}/include/vdi.hpp" "${prefix}/include/vdi/client.hpp"
    "${libdir}/libvdi.so.${VERSION}" "${libdir}/pkgconfig/vdi.pc"
    "${libdir}/cmake/vdi/vdi-config.cmake" "${libdir}/cmake/vdi/vdi-config-version.cmake"
    "${prefix}/include/sqlvdi/vdi.h" "${prefix}/include/sqlvdi/vdierror.h" "${libdir}/libsqlvdi.so"
    "${libdir}/pkgconfig/sqlvdi.pc")
  if(NOT EXISTS "${file}")
    message(SEND_ERROR "not installed: ${file}")
  endif()
endforeach()
# libvdi.so -> libvdi.so.0 -> libvdi.so.0.1.0
foreach(link "libvdi.so;${SONAME}" "${SONAME};libvdi.so.${VERSION}")
  list(GET link 0 from)
  list(GET link 1 to)
  file(READ_SYMLINK "${libdir}/${from}" target)
  if(NOT target STREQUAL to)
    message(SEND_ERROR "${from} leads to ${target}, not to ${to}")
  endif()
endforeach()

# Nothing may remember the first prefix, which lies within the build directory.
foreach(file pkgconfig/vdi.pc pkgconfig/sqlvdi.pc cmake/vdi/vdi-config.cmake)
  file(READ "${libdir}/${file}" text)
  string(FIND "${text}" "${BUILD_DIR}" place)
  if(NOT place EQUAL -1)
    message(SEND_ERROR "${file} contains a path of the build")
  endif()
endforeach()

run("${CMAKE_COMMAND}" -S "${CONSUMER}" -B "${SCRATCH}/build" "-DCMAKE_PREFIX_PATH=${prefix}"
    "-DCMAKE_C_COMPILER=${CC}" "-DCMAKE_CXX_COMPILER=${CXX}" "-DCXX=${CXX}" "-DVERSION=${VERSION}")
run("${CMAKE_COMMAND}" --build "${SCRATCH}/build")
run("${SCRATCH}/build/consumer")
if(CXX)
  run("${SCRATCH}/build/sdk_consumer")
  run("${SCRATCH}/build/cpp_consumer")
endif()

find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG)
  message(STATUS "pkg-config is not installed; vdi.pc is not tested")
  return()
endif()
set(ENV{PKG_CONFIG_PATH} "${libdir}/pkgconfig")
set(ENV{LD_LIBRARY_PATH} "${libdir}")

# build_by_flags(PACKAGE COMPILER SOURCE): with what pkg-config says of the package.
function(build_by_flags package compiler source)
  execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs "${package} = ${VERSION}"
                  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  set(program "${SCRATCH}/pkg-config-${package}")
  run("${compiler}" "${CONSUMER}/${source}" ${flags} -o "${program}")
  run("${program}")
endfunction()

build_by_flags(vdi "${CC}" main.c)
if(CXX)
  build_by_flags(sqlvdi "${CXX}" main.cc)
endif()
