# SPDX-License-Identifier: MIT
#
# The target `conformance`: the tests that the tables of requirements name (tests/conformance/requirements), run once
# each, their results into docs/conformance.md. With WEIR_RFCS=DIR in the environment the tables are compared with the
# texts there first.

file(GLOB tables CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/conformance/requirements/*.tsv")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tables} scripts/requirements)
add_custom_target(conformance
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/requirements" run --build "${PROJECT_BINARY_DIR}"
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" USES_TERMINAL VERBATIM)
execute_process(COMMAND "${PYTHON3}" "${PROJECT_SOURCE_DIR}/scripts/requirements" programs
    OUTPUT_VARIABLE programs OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REPLACE "\n" ";" programs "${programs}")
foreach(program IN LISTS programs)
    string(REPLACE "/" "_" target "${program}")
    if(TARGET ${target})
        add_dependencies(conformance ${target})
    endif()
endforeach()
