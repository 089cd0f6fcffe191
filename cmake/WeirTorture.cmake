# SPDX-License-Identifier: MIT
#
# weir_torture_modules: the archive weir_all_modules with every call of a NAME for which tests/torture/torture.c defines
# torture_NAME turned into a call of that; and the program weir_torture made of it. With WEIR_TORTURE=ON the C tests are
# linked with it too. tests/torture/run says which call fails when.

set(torture_source "${PROJECT_SOURCE_DIR}/tests/torture/torture.c")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${torture_source}")
file(READ "${torture_source}" torture_text)
string(REGEX MATCHALL "(FALLIBLE\\([^,]+, |\nint torture_)[a-z_]+" torture_calls "${torture_text}")
list(TRANSFORM torture_calls REPLACE ".*(, |torture_)" "")
list(REMOVE_ITEM torture_calls name)
list(REMOVE_DUPLICATES torture_calls)
set(torture_symbols "")
foreach(name IN LISTS torture_calls)
    string(APPEND torture_symbols "${name} torture_${name}\n")
endforeach()
file(WRITE "${PROJECT_BINARY_DIR}/torture.symbols" "${torture_symbols}")

set(torture_archive "${PROJECT_BINARY_DIR}/libweir_torture_modules.a")
add_custom_command(OUTPUT "${torture_archive}" VERBATIM
    COMMAND "${CMAKE_OBJCOPY}" "--redefine-syms=${PROJECT_BINARY_DIR}/torture.symbols"
            "$<TARGET_FILE:weir_all_modules>" "${torture_archive}"
    DEPENDS weir_all_modules "${PROJECT_BINARY_DIR}/torture.symbols")
add_custom_target(torture_archive DEPENDS "${torture_archive}")

add_library(weir_torture_calls STATIC EXCLUDE_FROM_ALL "${torture_source}")
target_include_directories(weir_torture_calls PRIVATE "${PROJECT_SOURCE_DIR}/tests")
target_compile_definitions(weir_torture_calls PRIVATE WEIR_TORTURE)
target_link_libraries(weir_torture_calls PRIVATE weir_flags PkgConfig::YAML)

add_library(weir_torture_modules INTERFACE)
add_dependencies(weir_torture_modules torture_archive)
target_link_libraries(weir_torture_modules INTERFACE "${torture_archive}" weir_torture_calls ${WEIR_MODULE_LIBRARIES})

# The object with main() is in the archive.
file(WRITE "${PROJECT_BINARY_DIR}/torture_empty.c" "typedef int nothing_here;\n")
add_executable(weir_torture "${PROJECT_BINARY_DIR}/torture_empty.c")
target_link_libraries(weir_torture PRIVATE weir_flags weir_torture_modules)
add_executable(weir_torture_bad "${PROJECT_SOURCE_DIR}/tests/torture/bad.c")
target_link_libraries(weir_torture_bad PRIVATE weir_flags weir_torture_calls ${WEIR_MODULE_LIBRARIES})
