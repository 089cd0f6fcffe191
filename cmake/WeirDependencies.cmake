# SPDX-License-Identifier: MIT
#
# What Weir needs from the system. scripts/setup installs all of it on Debian.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(YAML IMPORTED_TARGET yaml-0.1)
if(NOT YAML_FOUND)
    message(FATAL_ERROR "libyaml was not found (pkg-config yaml-0.1). "
                        "On Debian: scripts/setup, or apt-get install libyaml-dev.")
endif()

pkg_check_modules(PCAP IMPORTED_TARGET libpcap)
if(NOT PCAP_FOUND)
    message(FATAL_ERROR "libpcap was not found (pkg-config libpcap). "
                        "On Debian: scripts/setup, or apt-get install libpcap-dev.")
endif()

pkg_check_modules(CRYPTO IMPORTED_TARGET libcrypto)
if(NOT CRYPTO_FOUND)
    message(FATAL_ERROR "libcrypto was not found (pkg-config libcrypto). "
                        "On Debian: scripts/setup, or apt-get install libssl-dev.")
endif()

set(XDP_LIBRARIES "")
if(ENABLE_XDP)
    pkg_check_modules(BPF IMPORTED_TARGET libbpf)
    pkg_check_modules(XDP IMPORTED_TARGET libxdp)
    find_program(BPF_CLANG NAMES clang-14 clang)
    find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin)
    if(NOT BPF_FOUND OR NOT XDP_FOUND OR NOT BPF_CLANG OR NOT BPFTOOL)
        message(FATAL_ERROR "ENABLE_XDP=ON: libbpf, libxdp (pkg-config), clang and bpftool are wanted, and not all were found. "
                            "On Debian: scripts/setup, or apt-get install libbpf-dev libxdp-dev clang-14 bpftool; "
                            "or configure with -DENABLE_XDP=OFF.")
    endif()
    set(XDP_LIBRARIES PkgConfig::BPF PkgConfig::XDP)
endif()

if(BUILD_TESTING)
    pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)
    if(NOT CMOCKA_FOUND)
        message(STATUS "cmocka was not found: the C tests are not built (scripts/setup --test installs it)")
    endif()
    find_program(PYTHON3 python3)
    if(NOT PYTHON3)
        message(STATUS "python3 was not found: tests/layers are not registered (scripts/setup --test installs it)")
    endif()
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER "${CCACHE}")
endif()
