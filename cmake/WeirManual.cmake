# SPDX-License-Identifier: MIT
#
# Manual pages by scdoc from docs/manual, the list of configuration keys as the program knows it behind weir-config(5), and the completion scripts that the
# program prints. Without scdoc there are no manual pages; in cross builds, where the program cannot be run, no scripts and no list. Builds with sanitizers are
# for tests only and make none of it.

if(WEIR_SANITIZE)
    return()
endif()

find_program(SCDOC scdoc)
if(NOT SCDOC)
    message(STATUS "scdoc was not found: no manual pages. On Debian: scripts/setup, or apt-get install scdoc.")
endif()

set(WEIR_MAN_DIR "${PROJECT_BINARY_DIR}/man")
set(WEIR_COMPLETION_DIR "${PROJECT_BINARY_DIR}/completion")
set(WEIR_MANUAL_FILES "")

if(SCDOC)
    file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/manual/weir*.[15].md")
    foreach(page IN LISTS pages)
        get_filename_component(name "${page}" NAME)
        string(REGEX REPLACE "\\.md$" "" name "${name}")
        string(REGEX MATCH "[0-9]$" section "${name}")
        set(made "${WEIR_MAN_DIR}/${name}")
        set(depends "${page}")
        set(keys "")
        if(name STREQUAL "weir-config.5" AND TARGET weir AND NOT CMAKE_CROSSCOMPILING)
            set(keys "$<TARGET_FILE:weir>")
            list(APPEND depends weir "${PROJECT_SOURCE_DIR}/scripts/manual-keys")
        endif()
        add_custom_command(OUTPUT "${made}" DEPENDS ${depends}
            COMMAND "${CMAKE_COMMAND}" -E make_directory "${WEIR_MAN_DIR}"
            COMMAND "${PROJECT_SOURCE_DIR}/scripts/manual-keys" "${page}" ${keys} | "${SCDOC}" > "${made}"
            VERBATIM)
        list(APPEND WEIR_MANUAL_FILES "${made}")
        install(FILES "${made}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
    endforeach()
endif()

# The name that each shell expects, and where it looks.
if(TARGET weir AND NOT CMAKE_CROSSCOMPILING)
    foreach(shell IN ITEMS "bash|weir|bash-completion/completions" "zsh|_weir|zsh/site-functions"
                           "fish|weir.fish|fish/vendor_completions.d")
        string(REPLACE "|" ";" parts "${shell}")
        list(GET parts 0 name)
        list(GET parts 1 file)
        list(GET parts 2 directory)
        set(made "${WEIR_COMPLETION_DIR}/${name}/${file}")
        add_custom_command(OUTPUT "${made}" DEPENDS weir
            COMMAND "${CMAKE_COMMAND}" -E make_directory "${WEIR_COMPLETION_DIR}/${name}"
            COMMAND weir completion ${name} > "${made}"
            VERBATIM)
        list(APPEND WEIR_MANUAL_FILES "${made}")
        install(FILES "${made}" DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/${directory}")
    endforeach()
endif()

add_custom_target(manual ALL DEPENDS ${WEIR_MANUAL_FILES})
