# The target vdi::vdi: the shared library as cargo builds it, with its name links beside it.

find_program(CARGO_EXECUTABLE cargo HINTS "$ENV{HOME}/.cargo/bin" REQUIRED)

if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(profile dev)
  set(profile_dir debug)
else()
  set(profile release)
  set(profile_dir release)
endif()
set(lib_dir "${CMAKE_CURRENT_BINARY_DIR}/lib")
set(lib_real "libvdi.so.${PROJECT_VERSION}")
set(lib_soname "libvdi.so.${soversion}")
file(MAKE_DIRECTORY "${lib_dir}")

if(VDI_CARGO_TARGET)
  set(profile_dir "${VDI_CARGO_TARGET}/${profile_dir}")
endif()

# Cargo knows its own inputs, so the step always runs; copy_if_different keeps dependents from
# linking again when nothing has changed. Variables that would move cargo's output, or hand it the
# job server of make, are taken away.
separate_arguments(cargo_flags UNIX_COMMAND "${VDI_CARGO_FLAGS}")
if(VDI_CARGO_TARGET)
  list(APPEND cargo_flags --target "${VDI_CARGO_TARGET}")
endif()
add_custom_target(vdi_cargo ALL
  COMMAND "${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MFLAGS --unset=MAKELEVEL --unset=CARGO_BUILD_TARGET
          "${CARGO_EXECUTABLE}" build --lib --profile ${profile} ${cargo_flags}
          --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml"
          --target-dir "${VDI_CARGO_TARGET_DIR}"
  COMMAND "${CMAKE_COMMAND}" -E copy_if_different
          "${VDI_CARGO_TARGET_DIR}/${profile_dir}/libvdi.so" "${lib_dir}/${lib_real}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink ${lib_real} "${lib_dir}/${lib_soname}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink ${lib_soname} "${lib_dir}/libvdi.so"
  BYPRODUCTS "${lib_dir}/${lib_real}" "${lib_dir}/${lib_soname}" "${lib_dir}/libvdi.so"
  COMMENT "Building libvdi with cargo (${profile})"
  USES_TERMINAL VERBATIM)

add_library(vdi SHARED IMPORTED GLOBAL)
add_library(vdi::vdi ALIAS vdi)
set_target_properties(vdi PROPERTIES
  IMPORTED_LOCATION "${lib_dir}/${lib_real}"
  IMPORTED_SONAME "${lib_soname}"
  INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_SOURCE_DIR}/include")
# Also for users of the header alone: cargo generates it.
add_dependencies(vdi vdi_cargo)
