# Read by CTest when it starts: registers every case of one Catch2 program. Catch2's own module lists
# them when the program is linked, cannot pass a list of labels, and loses names with a semicolon.
set(equus_test_list ${equus_test_program}.cases)

if(NOT EXISTS ${equus_test_program})
    # A program that did not build must not pass for a program without tests.
    add_test("${equus_test_name}: is built" ${equus_test_program})
    set_tests_properties("${equus_test_name}: is built" PROPERTIES LABELS "${equus_test_labels}")
    return()
endif()

if(${equus_test_program} IS_NEWER_THAN ${equus_test_list})
    # The exit code is the number of cases.
    execute_process(COMMAND ${equus_test_program} --list-test-names-only
                    OUTPUT_FILE ${equus_test_list} ERROR_VARIABLE equus_test_error
                    RESULT_VARIABLE equus_test_count)
    if(NOT equus_test_count MATCHES "^[1-9][0-9]*$")
        file(REMOVE ${equus_test_list})
        add_test("${equus_test_name}: lists its cases" ${equus_test_program} --list-test-names-only)
        return()
    endif()
endif()

file(STRINGS ${equus_test_list} equus_test_lines ENCODING UTF-8)
foreach(equus_case IN LISTS equus_test_lines)
    if(NOT equus_case MATCHES "^ *$")
        # Catch2 reads a name as a pattern; these characters mean something there.
        string(REGEX REPLACE "([][,\\\\\"*~])" "\\\\\\1" equus_pattern "${equus_case}")
        add_test("${equus_test_name}: ${equus_case}" ${equus_test_program} "${equus_pattern}")
        set_tests_properties("${equus_test_name}: ${equus_case}" PROPERTIES
            LABELS "${equus_test_labels}" ENVIRONMENT "${equus_test_environment}" TIMEOUT 300)
    endif()
endforeach()
