# Installs libraries, headers, package files and the CMake package. Nothing installed knows its prefix.

include(CMakePackageConfigHelpers)

install(FILES "${lib_dir}/${lib_real}" "${lib_dir}/libsqlvdi.so"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime
        PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                    WORLD_READ WORLD_EXECUTE)
install(FILES "${lib_dir}/${lib_soname}"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime)
install(FILES "${lib_dir}/libvdi.so"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(FILES include/vdi.h include/vdi.hpp
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
install(DIRECTORY include/vdi
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development)
# Both interfaces call their header vdi.h; that of the classes has a directory of its own.
install(FILES sqlvdi/include/vdi.h sqlvdi/include/vdierror.h
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sqlvdi" COMPONENT development)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/vdi")
set(installed_library "${CMAKE_INSTALL_LIBDIR}/${lib_real}")
set(installed_sqlvdi "${CMAKE_INSTALL_LIBDIR}/libsqlvdi.so")
configure_package_config_file(cmake/vdi-config.cmake.in vdi-config.cmake
  INSTALL_DESTINATION "${package_dir}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR installed_library installed_sqlvdi
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/vdi-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/vdi-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/vdi-config-version.cmake"
        DESTINATION "${package_dir}" COMPONENT development)

# The prefix in the package files is found from the place of the file, except when the library directory is
# absolute and therefore not within the prefix.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH pc_up "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
  string(REGEX REPLACE "/$" "" pc_up "${pc_up}")
  set(pc_prefix "\${pcfiledir}/${pc_up}")
endif()
set(pc_libdir "\${prefix}")
cmake_path(APPEND pc_libdir "${CMAKE_INSTALL_LIBDIR}")
set(pc_includedir "\${prefix}")
cmake_path(APPEND pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
configure_file(cmake/vdi.pc.in vdi.pc @ONLY)
configure_file(cmake/sqlvdi.pc.in sqlvdi.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/vdi.pc" "${CMAKE_CURRENT_BINARY_DIR}/sqlvdi.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)
