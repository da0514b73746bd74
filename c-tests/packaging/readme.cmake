# The C lines of the README compile as they stand.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/README.md")
file(READ "${PROJECT_SOURCE_DIR}/README.md" readme)
string(FIND "${readme}" "\n```c\n" start)
if(start EQUAL -1)
  message(FATAL_ERROR "README.md has no C lines")
endif()
math(EXPR start "${start} + 6")
string(SUBSTRING "${readme}" ${start} -1 readme)
string(FIND "${readme}" "\n```" end)
string(SUBSTRING "${readme}" 0 ${end} readme)
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/readme.c"
     "#include <vdi.h>\nvdi_result serve(vdi_set *, const char *,\n"
     "                 int32_t (*)(const VDC_Command *, uint32_t *));\n${readme}\n")
add_library(readme OBJECT "${CMAKE_CURRENT_BINARY_DIR}/readme.c")
target_link_libraries(readme PRIVATE check)
