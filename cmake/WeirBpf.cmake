# SPDX-License-Identifier: MIT
#
# weir_bpf(MODULE NAME...)  compiles bpf/NAME.bpf.c for the kernel's virtual machine, and makes NAME.skel.h of it (bpftool), which carries the program
#                           and gives its maps and programs by name; src/MODULE may include it. Nothing with ENABLE_XDP=OFF.

function(weir_bpf module)
    if(NOT ENABLE_XDP)
        return()
    endif()
    set(dir "${PROJECT_BINARY_DIR}/bpf")
    file(MAKE_DIRECTORY "${dir}")
    set(skeletons "")
    foreach(name IN LISTS ARGN)
        set(source "${PROJECT_SOURCE_DIR}/bpf/${name}.bpf.c")
        add_custom_command(OUTPUT "${dir}/${name}.bpf.o" VERBATIM
            COMMAND "${BPF_CLANG}" -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I "${PROJECT_SOURCE_DIR}/src" -I "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}"
                    -MD -MF "${dir}/${name}.bpf.d" -MT "${dir}/${name}.bpf.o" -c "${source}" -o "${dir}/${name}.bpf.o"
            DEPENDS "${source}" DEPFILE "${dir}/${name}.bpf.d" COMMENT "Compiling bpf/${name}.bpf.c")
        add_custom_command(OUTPUT "${dir}/${name}.skel.h"
            COMMAND "${BPFTOOL}" gen skeleton "${dir}/${name}.bpf.o" name "${name}_bpf" > "${dir}/${name}.skel.h"
            DEPENDS "${dir}/${name}.bpf.o")
        list(APPEND skeletons "${dir}/${name}.skel.h")
    endforeach()
    add_custom_target(weir_bpf_${module} DEPENDS ${skeletons})
    add_dependencies(weir_${module} weir_bpf_${module})
    target_include_directories(weir_${module} SYSTEM PRIVATE "${dir}")
endfunction()
