# SPDX-License-Identifier: MIT
#
# The packetdrill adapter (tests/conformance/packetdrill/README.md): a shared object, the stand-in for the commands of
# scripts, and a test that plays packetdrill's part. Packetdrill itself is its user's.

set(folder "${PROJECT_SOURCE_DIR}/tests/conformance/packetdrill")
file(GLOB adapter_sources CONFIGURE_DEPENDS "${folder}/*.c")
list(FILTER adapter_sources EXCLUDE REGEX "/(command|test_[a-z_]*)\\.c$")
weir_objects(adapter_objects base wire packet tcp stack socket)

# Asserts stay on; calls are not made to fail here (tests/torture).
function(weir_packetdrill_flags target)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_link_libraries(${target} PRIVATE weir_flags PkgConfig::CMOCKA)
    target_compile_options(${target} PRIVATE -UNDEBUG $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endfunction()

add_library(weir_packetdrill SHARED ${adapter_sources} ${adapter_objects})
weir_packetdrill_flags(weir_packetdrill)
target_link_libraries(weir_packetdrill PRIVATE Threads::Threads ${CMAKE_DL_LIBS} weir_no_lto_link)
target_link_options(weir_packetdrill PRIVATE "-Wl,--version-script=${folder}/exports.map")
set_target_properties(weir_packetdrill PROPERTIES OUTPUT_NAME weir-packetdrill LINK_DEPENDS "${folder}/exports.map"
    LIBRARY_OUTPUT_DIRECTORY packetdrill)

add_executable(weir_packetdrill_command "${folder}/command.c")
target_link_libraries(weir_packetdrill_command PRIVATE weir_flags)
set_target_properties(weir_packetdrill_command PROPERTIES OUTPUT_NAME command RUNTIME_OUTPUT_DIRECTORY packetdrill)

add_executable(conformance_test_packetdrill_adapter "${folder}/test_adapter.c")
weir_packetdrill_flags(conformance_test_packetdrill_adapter)
target_compile_definitions(conformance_test_packetdrill_adapter PRIVATE
    WEIR_PACKETDRILL_ADAPTER="$<TARGET_FILE:weir_packetdrill>"
    WEIR_PACKETDRILL_COMMAND="$<TARGET_FILE:weir_packetdrill_command>")
target_link_libraries(conformance_test_packetdrill_adapter PRIVATE weir_all_modules ${CMAKE_DL_LIBS} weir_no_lto_link)
add_dependencies(conformance_test_packetdrill_adapter weir_packetdrill weir_packetdrill_command)
set_target_properties(conformance_test_packetdrill_adapter PROPERTIES
    OUTPUT_NAME test_packetdrill_adapter RUNTIME_OUTPUT_DIRECTORY tests/conformance)
add_test(NAME conformance/test_packetdrill_adapter COMMAND conformance_test_packetdrill_adapter
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
set_tests_properties(conformance/test_packetdrill_adapter PROPERTIES LABELS conformance
    TIMEOUT ${WEIR_TEST_TIMEOUT_conformance})
