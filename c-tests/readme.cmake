# The C lines of the README compile as they stand.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/README.md")
file(READ "${PROJECT_SOURCE_DIR}/README.md" readme)
if(NOT readme MATCHES "```c\n([^`]*)```")
  message(FATAL_ERROR "README.md has no C lines")
endif()
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/readme.c"
     "#include \"readme.h\"\n${CMAKE_MATCH_1}")
file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/readme.h"
     "#include <vdi.h>\nvdi_result serve(vdi_set *, const char *,\n"
     "                 int32_t (*)(const VDC_Command *, uint32_t *));\n")
add_library(readme OBJECT "${CMAKE_CURRENT_BINARY_DIR}/readme.c")
target_link_libraries(readme PRIVATE check)
