# SPDX-License-Identifier: MIT
#
# Everything a user can choose, and the choices that this version refuses.

option(BUILD_TESTING "Build the tests (needs cmocka and python3)" ON)
option(WEIR_WERROR "Treat compiler warnings as errors" OFF)
option(WEIR_LTO "Optimize across files when linking (gcc, build type Release)" ON)
option(WEIR_TORTURE "Link the tests so that each fallible call can be made to fail (tests/torture)" OFF)
option(WEIR_FUZZ "Build the libFuzzer targets of tests/fuzz (clang only)" OFF)
set(WEIR_SANITIZE "" CACHE STRING "Sanitizers for all code: empty, 'address,undefined' or 'thread'")
set(WEIR_MARCH "x86-64-v2" CACHE STRING "On x86-64: the oldest processor that the build has to run on (gcc's -march)")

option(ENABLE_XDP "Build what runs on the kernel's XDP hook: bpf/ and the drivers of it" ON)
option(ENABLE_DPDK "Build the DPDK driver" OFF)
option(ENABLE_KERNEL_MODULE "Build the Linux kernel module" OFF)

if(ENABLE_DPDK)
    message(FATAL_ERROR "ENABLE_DPDK=ON: version ${PROJECT_VERSION} of Weir has no DPDK driver yet. "
                        "Configure with -DENABLE_DPDK=OFF (the default).")
endif()
if(ENABLE_KERNEL_MODULE)
    message(FATAL_ERROR "ENABLE_KERNEL_MODULE=ON: version ${PROJECT_VERSION} of Weir has no kernel module yet. "
                        "Configure with -DENABLE_KERNEL_MODULE=OFF (the default).")
endif()

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug or Sanitize" FORCE)
endif()
