# The four kinds of target, and the compiler options that all of them share.
#
#   equus_library(NAME SOURCES ... [PUBLIC_LIBS ...] [PRIVATE_LIBS ...] [CXX17_SOURCES ...]
#                 [FREESTANDING])
#       target equus_NAME, alias equus::NAME. FREESTANDING: no exceptions, no RTTI, on every preset,
#       and built for m68k too. In that preset the other libraries do not exist: commands about them
#       in a folder's CMakeLists.txt stand behind `if(TARGET equus_NAME)`.
#   equus_test(NAME LABELS unit;wire SOURCES ... [LIBS ...] [CXX17_SOURCES ...])
#       a Catch2 program; each of its cases is a CTest test "NAME: case". Tests find the programs in
#       $EQUUS_BIN and the source tree in $EQUUS_SOURCE.
#   equus_program(NAME SOURCES ... [LIBS ...] [CXX17_SOURCES ...] [INSTALL])   a program in bin/
#   equus_fuzzer(NAME SOURCES ... [LIBS ...])                 a libFuzzer program; preset fuzz only;
#       seeds in tests/fuzz/corpus/NAME.
#
# CXX17_SOURCES: the headers of libcapnp and qpdf do not compile under clang in C++20, so what includes
# them is a C++17 unit of its own, with an interface that needs no newer library.
#
# Internal headers are included as "runtime/scheduler.hpp", that is, from src/; test support as
# "support/...", from tests/.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(EQUUS_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(EQUUS_CCACHE ccache)
    if(EQUUS_CCACHE)
        set(CMAKE_CXX_COMPILER_LAUNCHER ${EQUUS_CCACHE})
    endif()
endif()

add_library(equus_options INTERFACE)
target_compile_options(equus_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror
    # Aggregates with default members are the house form of a message and of options.
    -Wno-missing-field-initializers
    # Symmetric transfer is a tail call at every -O only with this.
    -foptimize-sibling-calls)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # Part of -Wconversion under clang only; one set of warnings for both compilers.
    target_compile_options(equus_options INTERFACE -Wno-sign-conversion)
    find_program(EQUUS_LLD ld.lld-19)
    if(EQUUS_LLD)
        target_link_options(equus_options INTERFACE -fuse-ld=lld)
    endif()
else()
    # GCC 12 reports copies inside std::string that cannot happen (GCC bug 105329).
    target_compile_options(equus_options INTERFACE -Wno-restrict)
endif()
if(EQUUS_MUTANTS)
    target_compile_definitions(equus_options INTERFACE EQUUS_MUTANTS=1)
endif()
if(EQUUS_SANITIZE)
    target_compile_options(equus_options INTERFACE
        -fsanitize=${EQUUS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
        # Needs RTTI in every unit, and the freestanding libraries have none.
        -fno-sanitize=vptr)
    target_link_options(equus_options INTERFACE -fsanitize=${EQUUS_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # Instrumented code confuses GCC's flow analysis.
        target_compile_options(equus_options INTERFACE -Wno-maybe-uninitialized)
    endif()
endif()
if(EQUUS_FUZZ)
    target_compile_options(equus_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# Adds a folder. A layer that has no sources yet is an empty library, so that what links it configures.
function(equus_folder folder)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt)
        add_subdirectory(${folder})
    endif()
    foreach(name ${ARGN})
        if(NOT TARGET equus_${name})
            add_library(equus_${name} INTERFACE)
            add_library(equus::${name} ALIAS equus_${name})
        endif()
    endforeach()
endfunction()

function(equus_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "FREESTANDING" "" "SOURCES;PUBLIC_LIBS;PRIVATE_LIBS;CXX17_SOURCES")
    equus_refuse_unparsed(${name} "${arg_UNPARSED_ARGUMENTS}")
    if(EQUUS_FREESTANDING_ONLY AND NOT arg_FREESTANDING)
        return()
    endif()
    equus_present_sources(sources missing ${arg_SOURCES} ${arg_CXX17_SOURCES})
    add_library(equus_${name} STATIC ${sources})
    equus_fail_for(equus_${name} "${missing}")
    equus_compile_as_cxx17("${arg_CXX17_SOURCES}")
    add_library(equus::${name} ALIAS equus_${name})
    target_link_libraries(equus_${name}
        PUBLIC equus::headers ${arg_PUBLIC_LIBS}
        PRIVATE $<BUILD_INTERFACE:equus_options> ${arg_PRIVATE_LIBS})
    target_include_directories(equus_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    if(arg_FREESTANDING)
        target_compile_options(equus_${name} PRIVATE -fno-exceptions -fno-rtti)
    endif()
    if(EQUUS_FUZZ OR EQUUS_TEST_LABELS)
        # Such a build makes some programs only, and the libraries that these need.
        set_target_properties(equus_${name} PROPERTIES EXCLUDE_FROM_ALL ON)
    endif()
    set_property(GLOBAL APPEND PROPERTY EQUUS_LIBRARIES equus_${name})
endfunction()

function(equus_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "INSTALL" "" "SOURCES;LIBS;CXX17_SOURCES")
    equus_refuse_unparsed(${name} "${arg_UNPARSED_ARGUMENTS}")
    if(EQUUS_FREESTANDING_ONLY OR EQUUS_FUZZ OR EQUUS_TEST_LABELS)
        return()
    endif()
    equus_executable(${name} "${arg_SOURCES};${arg_CXX17_SOURCES}" "${arg_LIBS}")
    equus_compile_as_cxx17("${arg_CXX17_SOURCES}")
    if(arg_INSTALL)
        install(TARGETS ${name} RUNTIME)
    endif()
endfunction()

function(equus_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LABELS;SOURCES;LIBS;CXX17_SOURCES")
    equus_refuse_unparsed(${name} "${arg_UNPARSED_ARGUMENTS}")
    equus_test_is_wanted(wanted "${arg_LABELS}")
    if(NOT wanted)
        return()
    endif()
    equus_executable(${name} "${arg_SOURCES};${arg_CXX17_SOURCES}" "${arg_LIBS};equus_test_main")
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    equus_compile_as_cxx17("${arg_CXX17_SOURCES}")
    # The cases are listed when CTest starts, not when the program is linked: see the script.
    set(cases ${CMAKE_CURRENT_BINARY_DIR}/${name}.cases.cmake)
    file(GENERATE OUTPUT ${cases} CONTENT
"set(equus_test_name [==[${name}]==])
set(equus_test_program [==[$<TARGET_FILE:${name}>]==])
set(equus_test_labels [==[${arg_LABELS}]==])
set(equus_test_environment [==[EQUUS_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};EQUUS_SOURCE=${PROJECT_SOURCE_DIR}]==])
include([==[${EQUUS_CMAKE_DIR}/list-cases.cmake]==])
")
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${cases})
endfunction()

function(equus_fuzzer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
    equus_refuse_unparsed(${name} "${arg_UNPARSED_ARGUMENTS}")
    if(NOT EQUUS_FUZZ)
        return()
    endif()
    equus_executable(${name} "${arg_SOURCES}" "${arg_LIBS}")
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    # New inputs go to the build tree; the seeds under tests/ are read only.
    set(found ${PROJECT_BINARY_DIR}/fuzz/${name})
    set(seeds ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    file(MAKE_DIRECTORY ${found})
    if(NOT EXISTS ${seeds})
        set(seeds "")
    endif()
    add_test(NAME ${name}
             COMMAND ${name} -max_total_time=${EQUUS_FUZZ_SECONDS} -timeout=20 -rss_limit_mb=2048
                     -print_final_stats=1 -artifact_prefix=${PROJECT_BINARY_DIR}/fuzz/${name}-
                     ${found} ${seeds})
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 3600)
endfunction()

# A source that is listed and missing fails its own target when that is built, not the configuration of
# the whole tree: half a folder stops nobody who works on another one.
function(equus_present_sources present missing)
    set(found "")
    set(lost "")
    foreach(source ${ARGN})
        get_filename_component(path ${source} ABSOLUTE)
        get_source_file_property(generated ${source} GENERATED)
        if(EXISTS ${path} OR generated)
            list(APPEND found ${source})
        else()
            list(APPEND lost ${source})
        endif()
    endforeach()
    if(NOT found)
        set(found ${PROJECT_BINARY_DIR}/no_source.cpp)
        file(TOUCH ${found})
    endif()
    set(${present} "${found}" PARENT_SCOPE)
    set(${missing} "${lost}" PARENT_SCOPE)
endfunction()

function(equus_fail_for target missing)
    if(missing)
        message(WARNING "${target}: listed, but not there: ${missing}")
        add_custom_target(${target}_is_incomplete
            COMMAND ${CMAKE_COMMAND} -E echo
                    "${target}: not there when configured: ${missing}; run cmake again"
            COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
        add_dependencies(${target} ${target}_is_incomplete)
    endif()
endfunction()

# Whether a test that carries these labels belongs to this build.
function(equus_test_is_wanted result labels)
    set(wanted ON)
    if(EQUUS_FREESTANDING_ONLY OR EQUUS_FUZZ OR NOT BUILD_TESTING)
        set(wanted OFF)
    elseif(EQUUS_TEST_LABELS)
        set(wanted OFF)
        foreach(label ${labels})
            if(label IN_LIST EQUUS_TEST_LABELS)
                set(wanted ON)
            endif()
        endforeach()
    endif()
    set(${result} ${wanted} PARENT_SCOPE)
endfunction()

function(equus_executable name sources libs)
    equus_present_sources(present missing ${sources})
    add_executable(${name} ${present})
    equus_fail_for(${name} "${missing}")
    target_link_libraries(${name} PRIVATE equus::headers equus_options ${libs})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
endfunction()

# For the sources of the calling folder.
macro(equus_compile_as_cxx17 sources)
    if(NOT "${sources}" STREQUAL "")
        set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS -std=c++17)
    endif()
endmacro()

function(equus_refuse_unparsed name words)
    if(words)
        message(FATAL_ERROR "${name}: arguments that nobody reads: ${words}")
    endif()
endfunction()
