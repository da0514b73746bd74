# The header compiles with both compilers in every language standard, and what an object wants then is
# what the library exports. The two headers called vdi.h refuse each other with a word.

find_program(CLANG clang++)
if(NOT CLANG)
  message(FATAL_ERROR "clang++ is missing: run ci/setup.sh as root, or install the package clang")
endif()
file(STRINGS "${GOLDEN}" golden)

foreach(compiler "${CXX}" "${CLANG}")
  foreach(standard 11 14 17 20 23)
    set(object "${SCRATCH}/header.o")
    # clang knew the name of C++23 late.
    if(standard EQUAL 23)
      set(standard 2b)
    endif()
    execute_process(COMMAND "${compiler}" -std=c++${standard} -pedantic-errors -O2 -fPIC -Wall -Wextra
      -Wpedantic -Wconversion -Wold-style-cast -Wshadow -Wundef -Werror "-I${INCLUDE}"
      -c "${SOURCE}" -o "${object}" COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND "${NM}" -u "${object}" OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "_ZN[0-9]+ClientVirtualDevice[A-Za-z0-9_]+" wanted "${out}")
    list(SORT wanted)
    if(NOT wanted STREQUAL golden)
      message(SEND_ERROR "${compiler} -std=c++${standard} wants ${wanted}, not ${golden}")
    endif()
  endforeach()
endforeach()

foreach(order "${C_HEADER};${INCLUDE}/vdi.h" "${INCLUDE}/vdi.h;${C_HEADER}" "${INCLUDE}/vdierror.h;${C_HEADER}")
  list(GET order 0 first)
  list(GET order 1 second)
  file(WRITE "${SCRATCH}/both.cc" "#include \"${first}\"\n#include \"${second}\"\n")
  execute_process(COMMAND "${CXX}" -std=c++11 -fsyntax-only "${SCRATCH}/both.cc"
                  RESULT_VARIABLE failed ERROR_VARIABLE text)
  if(NOT failed OR NOT text MATCHES "#error \"include either[^\n]*not both in one source file")
    message(SEND_ERROR "${second} after ${first}: ${text}")
  endif()
endforeach()
