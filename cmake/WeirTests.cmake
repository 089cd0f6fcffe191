# SPDX-License-Identifier: MIT
#
# ctest: every tests/{unit,conformance,sim}/test_*.c is one cmocka program, every tests/layers/test_*.py one script;
# the folder is the ctest label. C files of these folders not named test_*, and those of tests/support, are linked
# into each program of the folder. Programs named test_engine*.c or test_*_threads.c use threads; they carry the label
# "engine" too and the target engine_tests builds them. Tests run in the repository's root.

set(WEIR_TEST_TIMEOUT_unit 300)
set(WEIR_TEST_TIMEOUT_conformance 300)
set(WEIR_TEST_TIMEOUT_sim 900)
set(WEIR_TEST_TIMEOUT_layers 600)

add_custom_target(engine_tests)

# out_tests, out_helpers: the C files of a test folder.
function(weir_test_sources folder out_tests out_helpers)
    file(GLOB tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/test_*.c")
    file(GLOB helpers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${folder}/*.c"
         "${PROJECT_SOURCE_DIR}/tests/support/*.c")
    if(tests)
        list(REMOVE_ITEM helpers ${tests})
    endif()
    set(${out_tests} ${tests} PARENT_SCOPE)
    set(${out_helpers} ${helpers} PARENT_SCOPE)
endfunction()

# Asserts stay on in test code, also in a release build. gcc cannot see that a failed assertion of cmocka does not
# return, and takes what is set on success only for uninitialized.
function(weir_test_flags target)
    target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/tests/support")
    target_link_libraries(${target} PRIVATE weir_flags PkgConfig::CMOCKA)
    if(WEIR_TORTURE)
        target_include_directories(${target} BEFORE PRIVATE "${PROJECT_SOURCE_DIR}/tests/torture/shadow")
        target_compile_definitions(${target} PRIVATE WEIR_TORTURE)
    endif()
    target_compile_options(${target} PRIVATE -UNDEBUG $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endfunction()

function(weir_add_test folder source helpers)
    get_filename_component(name "${source}" NAME_WE)
    set(target ${folder}_${name})
    add_executable(${target} "${source}")
    weir_test_flags(${target})
    target_link_libraries(${target} PRIVATE ${helpers} ${weir_test_modules} weir_no_lto_link)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY tests/${folder})
    add_test(NAME ${folder}/${name} COMMAND ${target} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")

    set(labels ${folder})
    if(name MATCHES "^test_engine|_threads$")
        list(APPEND labels engine)
        add_dependencies(engine_tests ${target})
    endif()
    set_tests_properties(${folder}/${name} PROPERTIES LABELS "${labels}" TIMEOUT ${WEIR_TEST_TIMEOUT_${folder}})
endfunction()

function(weir_test_folder folder)
    weir_test_sources(${folder} tests helper_sources)
    set(helpers "")
    if(tests AND helper_sources)
        set(helpers weir_${folder}_helpers)
        add_library(${helpers} STATIC EXCLUDE_FROM_ALL ${helper_sources})
        weir_test_flags(${helpers})
    endif()
    foreach(source IN LISTS tests)
        weir_add_test(${folder} "${source}" "${helpers}")
    endforeach()
endfunction()

function(weir_layer_tests)
    file(GLOB scripts CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/layers/test_*.py")
    foreach(script IN LISTS scripts)
        get_filename_component(name "${script}" NAME_WE)
        add_test(NAME layers/${name} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
            COMMAND "${PYTHON3}" "${script}" --source "${PROJECT_SOURCE_DIR}" --build "${PROJECT_BINARY_DIR}"
                    --cc "${CMAKE_C_COMPILER}" --nm "${CMAKE_NM}")
        set_tests_properties(layers/${name} PROPERTIES LABELS layers TIMEOUT ${WEIR_TEST_TIMEOUT_layers})
    endforeach()
endfunction()

if(CMOCKA_FOUND AND WEIR_MODULES)
    # An archive, so that each test takes only the objects it needs (and never the program's main).
    weir_objects(all_objects ${WEIR_MODULES})
    add_library(weir_all_modules STATIC EXCLUDE_FROM_ALL ${all_objects})
    set_target_properties(weir_all_modules PROPERTIES LINKER_LANGUAGE C)
    target_link_libraries(weir_all_modules PUBLIC ${WEIR_MODULE_LIBRARIES})
    set(weir_test_modules weir_all_modules)
    if(WEIR_TORTURE)
        include(WeirTorture)
        set(weir_test_modules weir_torture_modules)
    endif()
    foreach(folder unit conformance sim)
        weir_test_folder(${folder})
    endforeach()
    include(WeirPacketdrill)
    if(PYTHON3)
        include(WeirConformance)
    endif()
endif()
# Sanitizers add symbols and sections of their own, which the layer checks would report.
if(PYTHON3 AND NOT WEIR_SANITIZE)
    weir_layer_tests()
endif()
