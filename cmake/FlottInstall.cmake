# What `cmake --install` gives: bin/flott, lib/, lib/flott/examples, include/flott, and the CMake package that
# find_package(Flott) finds. The rooms' headers lie under include/flott as they do in the repository.
include(CMakePackageConfigHelpers)

foreach(library flott_runtime flott flott_testing)
  if(TARGET ${library})
    set_target_properties(${library} PROPERTIES INSTALL_RPATH "$ORIGIN" VERSION "${PROJECT_VERSION}"
                          SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
    target_include_directories(${library} INTERFACE
      $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
    install(TARGETS ${library} EXPORT FlottTargets LIBRARY DESTINATION lib)
  endif()
endforeach()
set_target_properties(flott_runtime PROPERTIES EXPORT_NAME runtime)
set_target_properties(flott_testing PROPERTIES EXPORT_NAME testing)

install(DIRECTORY metrics runtime actors client testing DESTINATION include/flott FILES_MATCHING PATTERN "*.hpp")
install(DIRECTORY "${CMAKE_BINARY_DIR}/generated/messages" DESTINATION include/flott FILES_MATCHING PATTERN "*.pb.h")
install(DIRECTORY include/flott DESTINATION include FILES_MATCHING PATTERN "*.hpp")
install(EXPORT FlottTargets NAMESPACE Flott:: DESTINATION lib/cmake/Flott)
configure_package_config_file(cmake/FlottConfig.cmake.in "${CMAKE_BINARY_DIR}/FlottConfig.cmake"
                              INSTALL_DESTINATION lib/cmake/Flott)
write_basic_package_version_file("${CMAKE_BINARY_DIR}/FlottConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/FlottConfig.cmake" "${CMAKE_BINARY_DIR}/FlottConfigVersion.cmake"
              cmake/FlottModule.cmake cmake/FindCAF.cmake
        DESTINATION lib/cmake/Flott)
