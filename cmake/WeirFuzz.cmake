# SPDX-License-Identifier: MIT
#
# Every tests/fuzz/fuzz_NAME.c is one libFuzzer program, linked with all modules and with the C files of tests/fuzz
# that are not named fuzz_*. tests/run runs them; seeds are in tests/fuzz/corpus/NAME.

file(GLOB fuzz_targets CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c")
file(GLOB fuzz_helpers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/fuzz/*.c")
if(fuzz_targets)
    list(REMOVE_ITEM fuzz_helpers ${fuzz_targets})
endif()

# What compares numbers of its own, and pointers, rather than bytes of the input, or bytes one by one as DHCP's codes:
# tracing its comparisons, those that UndefinedBehaviorSanitizer adds too, finds nothing and takes a third of the time
# and more.
foreach(name base packet tcp stack tunnel service dhcp socket)
    target_compile_options(weir_${name} PRIVATE -fno-sanitize-coverage=trace-cmp)
endforeach()
set_property(SOURCE "${PROJECT_SOURCE_DIR}/src/link/memory.c" APPEND PROPERTY
    COMPILE_OPTIONS -fno-sanitize-coverage=trace-cmp)
set(fuzz_of_operations fuzz_dhcp4 fuzz_dhcp6 fuzz_forward fuzz_group fuzz_ip_filter fuzz_lpm fuzz_nd fuzz_netlink
    fuzz_offload fuzz_reassembly fuzz_socket fuzz_stack fuzz_tcp fuzz_tunnel)

weir_objects(fuzz_objects ${WEIR_MODULES})
if(fuzz_targets AND fuzz_objects)
    add_library(weir_fuzz_modules STATIC ${fuzz_objects})
    set_target_properties(weir_fuzz_modules PROPERTIES LINKER_LANGUAGE C)
    foreach(source IN LISTS fuzz_targets)
        get_filename_component(name "${source}" NAME_WE)
        add_executable(${name} "${source}" ${fuzz_helpers})
        target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
        target_compile_options(${name} PRIVATE -UNDEBUG)
        if(name IN_LIST fuzz_of_operations)
            target_compile_options(${name} PRIVATE -fno-sanitize-coverage=trace-cmp)
        endif()
        target_link_libraries(${name} PRIVATE weir_flags weir_fuzz_modules ${WEIR_MODULE_LIBRARIES})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY fuzz)
    endforeach()
endif()
