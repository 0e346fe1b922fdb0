# The install tree: headers, one static library, the command, and two ways to find them.
#
# An application needs all layers or none, so the package has one name: equus::equus, -lequus. The
# layers stay separate archives in the build tree, where the link order proves their independence.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY EQUUS_LIBRARIES)
list(REMOVE_ITEM layers equus_bench) # measurements are the command's, not an application's
add_library(equus_archive STATIC)
foreach(layer ${layers})
    target_sources(equus_archive PRIVATE $<TARGET_OBJECTS:${layer}>)
endforeach()
set_target_properties(equus_archive PROPERTIES
    OUTPUT_NAME equus EXPORT_NAME equus LINKER_LANGUAGE CXX)
target_compile_features(equus_archive INTERFACE cxx_std_20)
target_include_directories(equus_archive INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Millions of co_await in a row need symmetric transfer to be a tail call at -O0 too.
target_compile_options(equus_archive INTERFACE -foptimize-sibling-calls)

# System libraries that the archive itself calls; what the layers call privately an application must
# still link, since an archive carries no such list.
set(EQUUS_SYSTEM_LIBRARIES sodium pthread)
target_link_libraries(equus_archive INTERFACE ${EQUUS_SYSTEM_LIBRARIES})
list(TRANSFORM EQUUS_SYSTEM_LIBRARIES PREPEND -l OUTPUT_VARIABLE EQUUS_SYSTEM_LIBRARY_FLAGS)
list(JOIN EQUUS_SYSTEM_LIBRARY_FLAGS " " EQUUS_SYSTEM_LIBRARY_FLAGS)

install(TARGETS equus_archive EXPORT equus-targets ARCHIVE)
install(DIRECTORY include/equus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN *.hpp)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/equus)
install(EXPORT equus-targets NAMESPACE equus:: DESTINATION ${package_dir})
configure_package_config_file(cmake/equus-config.cmake.in equus-config.cmake
    INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(equus-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/equus-config.cmake
              ${PROJECT_BINARY_DIR}/equus-config-version.cmake DESTINATION ${package_dir})

# Relative to the file itself, so that an install tree may be moved.
file(RELATIVE_PATH EQUUS_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" EQUUS_PC_PREFIX "${EQUUS_PC_PREFIX}")
configure_file(cmake/equus.pc.in equus.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/equus.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
