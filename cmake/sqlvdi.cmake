# The target vdi::sqlvdi: the drop-in library for programs written against the classes of the Linux SDK.
# Its name has no version, since theirs has none.

add_custom_target(sqlvdi_cargo ALL
  COMMAND "${CMAKE_COMMAND}" -E env --unset=MAKEFLAGS --unset=MFLAGS --unset=MAKELEVEL --unset=CARGO_BUILD_TARGET
          "${CARGO_EXECUTABLE}" build --lib --package sqlvdi --profile ${profile} ${cargo_flags}
          --manifest-path "${CMAKE_CURRENT_SOURCE_DIR}/Cargo.toml"
          --target-dir "${VDI_CARGO_TARGET_DIR}"
  COMMAND "${CMAKE_COMMAND}" -E copy_if_different
          "${VDI_CARGO_TARGET_DIR}/${profile_dir}/libsqlvdi.so" "${lib_dir}/libsqlvdi.so"
  BYPRODUCTS "${lib_dir}/libsqlvdi.so"
  COMMENT "Building libsqlvdi with cargo (${profile})"
  USES_TERMINAL VERBATIM)
# One cargo after the other: both build the crate vdi.
add_dependencies(sqlvdi_cargo vdi_cargo)

add_library(sqlvdi SHARED IMPORTED GLOBAL)
add_library(vdi::sqlvdi ALIAS sqlvdi)
set_target_properties(sqlvdi PROPERTIES
  IMPORTED_LOCATION "${lib_dir}/libsqlvdi.so"
  IMPORTED_SONAME "libsqlvdi.so"
  INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_CURRENT_SOURCE_DIR}/sqlvdi/include"
  INTERFACE_COMPILE_FEATURES cxx_std_11)
add_dependencies(sqlvdi sqlvdi_cargo)
