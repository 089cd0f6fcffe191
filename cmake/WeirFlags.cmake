# SPDX-License-Identifier: MIT
#
# Compiler flags. weir_flags: language, warnings, processor, sanitizers, for all our C code. weir_lto_compile and
# weir_lto_link: for the program and the libraries only.
#
# Objects carry machine code and gcc's intermediate code ("fat"): the program and the shared library are linked with
# optimization across files, the many test programs quickly without it, and tests/layers can read the objects.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(CMAKE_C_FLAGS_RELEASE "-O3 -g -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")
set(CMAKE_C_FLAGS_SANITIZE "-O1 -g -fno-omit-frame-pointer")

add_library(weir_flags INTERFACE)
target_include_directories(weir_flags INTERFACE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
target_compile_definitions(weir_flags INTERFACE WEIR_VERSION="${PROJECT_VERSION}" WEIR_XDP=$<BOOL:${ENABLE_XDP}>)
target_compile_options(weir_flags INTERFACE
    -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wundef -Wvla -Wcast-qual -Wstrict-prototypes
    -Wmissing-prototypes -fno-semantic-interposition)
target_link_options(weir_flags INTERFACE -Wl,--as-needed -Wl,-z,relro -Wl,-z,now)
if(WEIR_WERROR)
    target_compile_options(weir_flags INTERFACE -Werror)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND WEIR_MARCH)
    target_compile_options(weir_flags INTERFACE "-march=${WEIR_MARCH}")
endif()

if(WEIR_SANITIZE)
    target_compile_options(weir_flags INTERFACE "-fsanitize=${WEIR_SANITIZE}" -fno-sanitize-recover=all)
    target_link_options(weir_flags INTERFACE "-fsanitize=${WEIR_SANITIZE}")
endif()
if(WEIR_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "WEIR_FUZZ=ON needs clang (libFuzzer); the compiler is ${CMAKE_C_COMPILER_ID}. "
                            "Use: cmake --preset fuzz")
    endif()
    target_compile_options(weir_flags INTERFACE -fsanitize=fuzzer-no-link -O2)
endif()

add_library(weir_lto_compile INTERFACE)
add_library(weir_lto_link INTERFACE)
add_library(weir_no_lto_link INTERFACE)
if(WEIR_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WEIR_SANITIZE)
    set(WEIR_LTO_ACTIVE ON)
    target_compile_options(weir_lto_compile INTERFACE -flto=auto -ffat-lto-objects)
    target_link_options(weir_lto_link INTERFACE -flto=auto -O3)
    target_link_options(weir_no_lto_link INTERFACE -fno-lto)
endif()
