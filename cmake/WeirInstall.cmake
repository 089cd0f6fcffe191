# SPDX-License-Identifier: MIT
#
# make install: program, library, public headers, pkg-config and CMake package files, examples. Manual pages and completions: WeirManual.cmake.

include(GNUInstallDirs)

if(TARGET weir)
    install(TARGETS weir RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
if(TARGET libweir_shared)
    install(TARGETS libweir_shared libweir_static
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    if(TARGET libweir_preload)
        install(TARGETS libweir_preload LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
    endif()
    install(DIRECTORY include/ DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")

    # Everything relative to where weir.pc lies, so that it is right under any prefix given at install time.
    if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
        set(WEIR_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
    else()
        file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
        string(REGEX REPLACE "/$" "" up "${up}")
        set(WEIR_PC_PREFIX "\${pcfiledir}/${up}")
    endif()
    foreach(dir INCLUDEDIR LIBDIR)
        if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
            set(WEIR_PC_${dir} "${CMAKE_INSTALL_${dir}}")
        else()
            set(WEIR_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
        endif()
    endforeach()
    set(WEIR_PC_XDP "")
    if(ENABLE_XDP)
        set(WEIR_PC_XDP ", libbpf, libxdp")
    endif()
    configure_file(cmake/weir.pc.in weir.pc @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/weir.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

    include(CMakePackageConfigHelpers)
    set(WEIR_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/weir")
    if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
        file(RELATIVE_PATH WEIR_CMAKE_UP "/${WEIR_CMAKE_DIR}" "/")
    endif()
    foreach(dir INCLUDEDIR LIBDIR)
        if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
            set(WEIR_CMAKE_${dir} "${CMAKE_INSTALL_${dir}}")
        else()
            set(WEIR_CMAKE_${dir} "\${weir_prefix}/${CMAKE_INSTALL_${dir}}")
        endif()
    endforeach()
    configure_file(cmake/weir-config.cmake.in weir-config.cmake @ONLY)
    write_basic_package_version_file(weir-config-version.cmake COMPATIBILITY SameMajorVersion)
    install(FILES "${PROJECT_BINARY_DIR}/weir-config.cmake" "${PROJECT_BINARY_DIR}/weir-config-version.cmake"
        DESTINATION "${WEIR_CMAKE_DIR}")
endif()

install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY examples DESTINATION "${CMAKE_INSTALL_DOCDIR}" FILES_MATCHING PATTERN "*.yaml" PATTERN "*.json")
