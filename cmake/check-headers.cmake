# Every public header compiles alone, as the first include of a unit, or this library does not build. For
# m68k it is also what the symbol check sees of the headers.
file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR}/include CONFIGURE_DEPENDS
     include/equus/*.hpp)
if(EQUUS_FREESTANDING_ONLY)
    list(FILTER headers EXCLUDE REGEX ^equus/host/)
endif()
set(units "")
foreach(header ${headers})
    string(MAKE_C_IDENTIFIER ${header} unit)
    set(unit ${PROJECT_BINARY_DIR}/headers/${unit}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include <${header}>\n#include <${header}>\n")
    list(APPEND units ${unit})
endforeach()
# What the templates of the application headers ask for shows only where somebody uses them.
list(APPEND units ${PROJECT_SOURCE_DIR}/tests/checks/freestanding_application.cpp)
add_library(equus_check_headers STATIC ${units})
target_link_libraries(equus_check_headers PRIVATE equus::headers equus_options)
