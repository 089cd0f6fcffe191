# SPDX-License-Identifier: MIT
#
# weir_module(NAME [LIBRARIES lib...])  src/NAME/*.c as the OBJECT target weir_NAME; nothing when there are no sources.
# weir_library(NAME...)                 libweir.a and libweir.so of these modules.
# weir_program()                        the program of all modules, when src/cli has sources.
# weir_write_object_list()              objects.txt in the build directory for tests/layers: "folder path" per line.

set(WEIR_MODULES "")        # modules that have sources
set(WEIR_MODULE_LIBRARIES Threads::Threads m)

# Files named *_avx2.c and *_avx512.c are compiled for that instruction set and chosen at run time.
function(weir_set_instruction_sets)
    if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        return()
    endif()
    foreach(source IN LISTS ARGN)
        if(source MATCHES "_avx2\\.c$")
            set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS "-mavx2")
        elseif(source MATCHES "_avx512\\.c$")
            set_source_files_properties("${source}" PROPERTIES
                COMPILE_OPTIONS "-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq")
        endif()
    endforeach()
endfunction()

function(weir_module name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES")
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.c")
    if(NOT CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        list(FILTER sources EXCLUDE REGEX "_avx(2|512)\\.c$")
    endif()
    if(NOT sources)
        return()
    endif()
    weir_set_instruction_sets(${sources})
    add_library(weir_${name} OBJECT ${sources})
    target_link_libraries(weir_${name} PRIVATE weir_flags weir_lto_compile ${arg_LIBRARIES})
    set(WEIR_MODULES ${WEIR_MODULES} ${name} PARENT_SCOPE)
    set(WEIR_MODULE_LIBRARIES ${WEIR_MODULE_LIBRARIES} ${arg_LIBRARIES} PARENT_SCOPE)
endfunction()

# out becomes the objects of those of the named modules that exist.
function(weir_objects out)
    set(objects "")
    foreach(name IN LISTS ARGN)
        if(TARGET weir_${name})
            list(APPEND objects "$<TARGET_OBJECTS:weir_${name}>")
        endif()
    endforeach()
    set(${out} ${objects} PARENT_SCOPE)
endfunction()

function(weir_library)
    weir_objects(objects ${ARGN})
    if(NOT objects)
        message(STATUS "libweir is not built: its folders have no sources yet")
        return()
    endif()
    set(exports "${PROJECT_SOURCE_DIR}/cmake/libweir.map")

    add_library(libweir_shared SHARED ${objects})
    target_link_libraries(libweir_shared PRIVATE weir_flags weir_lto_link ${WEIR_MODULE_LIBRARIES})
    target_link_options(libweir_shared PRIVATE "-Wl,--version-script=${exports}")
    if(NOT WEIR_SANITIZE) # the sanitizers' runtime is in programs only
        target_link_options(libweir_shared PRIVATE -Wl,--no-undefined)
    endif()
    set_target_properties(libweir_shared PROPERTIES OUTPUT_NAME weir LINK_DEPENDS "${exports}"
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})

    add_library(libweir_static STATIC ${objects})
    target_link_libraries(libweir_static PRIVATE weir_flags)
    set_target_properties(libweir_static PROPERTIES OUTPUT_NAME weir LINKER_LANGUAGE C)
    if(WEIR_LTO_ACTIVE)
        # Another compiler version could not read the intermediate code, so an installed archive carries none.
        add_custom_command(TARGET libweir_static POST_BUILD VERBATIM
            COMMAND "${CMAKE_OBJCOPY}" --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_*
                    "$<TARGET_FILE:libweir_static>")
    endif()
endfunction()

# libweir-preload.so: src/preload, linked with libweir.so beside it. Its objects are in no other program or library, which would call them instead of the C
# library. Sanitizers want to be first in a program, and so do not go with it.
function(weir_preload)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/preload/*.c")
    add_library(weir_preload OBJECT ${sources})
    target_link_libraries(weir_preload PRIVATE weir_flags)
    target_compile_options(weir_preload PRIVATE -fvisibility=hidden)
    if(WEIR_SANITIZE)
        return()
    endif()
    add_library(libweir_preload SHARED $<TARGET_OBJECTS:weir_preload>)
    target_link_libraries(libweir_preload PRIVATE weir_flags libweir_shared Threads::Threads)
    target_link_options(libweir_preload PRIVATE -Wl,--no-undefined)
    set_target_properties(libweir_preload PROPERTIES OUTPUT_NAME weir-preload BUILD_RPATH "\$ORIGIN"
        INSTALL_RPATH "\$ORIGIN")
endfunction()

function(weir_program)
    if(NOT TARGET weir_cli)
        message(STATUS "The program weir is not built: src/cli has no sources yet")
        return()
    endif()
    weir_objects(objects ${WEIR_MODULES})
    add_executable(weir ${objects})
    target_link_libraries(weir PRIVATE weir_flags weir_lto_link ${WEIR_MODULE_LIBRARIES})
endfunction()

function(weir_write_object_list)
    set(lines "")
    foreach(name IN LISTS WEIR_MODULES ITEMS preload)
        string(APPEND lines "${name} $<JOIN:$<TARGET_OBJECTS:weir_${name}>,\n${name} >\n")
    endforeach()
    file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/objects.txt" CONTENT "${lines}")
endfunction()
