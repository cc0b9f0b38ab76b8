# Compiler settings shared by every target, and the two helpers with which folders join a library or the test suite.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(FLOTT_PCH "Precompile headers that nearly every source includes; the sanitizer presets build without, which finds missing includes" OFF)
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND FLOTT_PCH)     # ccache takes sources with a precompiled header only with these settings
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      "${CCACHE_PROGRAM}")
elseif(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()
if(FLOTT_PCH)                        # one kind of code everywhere, so that libraries and tests can share them
  add_compile_options(-fPIC)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
set(flott_pch_standard <algorithm> <array> <atomic> <chrono> <condition_variable> <deque> <filesystem> <functional>
    <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <variant> <vector>)
set(flott_pch_messages "${CMAKE_BINARY_DIR}/generated/messages/cluster.pb.h"
    "${CMAKE_BINARY_DIR}/generated/messages/task.pb.h")

# flott_precompile(TARGET header...) or flott_precompile(TARGET REUSE_FROM other); nothing without FLOTT_PCH.
function(flott_precompile target)
  if(FLOTT_PCH)
    if("${ARGV1}" STREQUAL "REUSE_FROM")
      target_precompile_headers(${target} ${ARGN})
    else()
      target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
  endif()
endfunction()

set(FLOTT_SANITIZE "" CACHE STRING "Sanitizer to build with: address, thread or empty")
if(FLOTT_SANITIZE)
  add_compile_options(-fsanitize=${FLOTT_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FLOTT_SANITIZE})
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
  add_compile_options(-march=x86-64-v2)
endif()
option(FLOTT_FUZZ "Build the fuzzers (needs clang)" OFF)
if(NOT FLOTT_FUZZ)          # clang's sanitizer runtimes leave symbols open in shared libraries
  add_link_options(-Wl,--no-undefined)
endif()
find_program(LLD_PROGRAM NAMES ld.lld)
mark_as_advanced(LLD_PROGRAM)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()

# Warnings for our own code; generated code is exempt.
add_library(flott_warnings INTERFACE)
target_compile_options(flott_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                       -Wno-sign-conversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(flott_warnings INTERFACE
    -Wno-restrict)                      # false alarms on std::string's operator+ in GCC 12 (its bug 105651)
  if(FLOTT_PCH)
    target_compile_options(flott_warnings INTERFACE
      -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)   # the same false alarms, which only builds with precompiled headers show
  endif()
  if(FLOTT_SANITIZE)
    target_compile_options(flott_warnings INTERFACE
      -Wno-maybe-uninitialized          # false alarms on std::optional and std::variant: documented of sanitized code
      -Wno-array-bounds)                # the same, of moved std::string under ThreadSanitizer
  endif()
endif()

# flott_add_test(NAME unit_x [LABELS fast] SOURCES a.cpp ... LIBRARIES flott_runtime ...)
# One Catch2 executable per area; all share one compiled main. What does not link `flott` (and so no CAF) also has the
# label no_caf and belongs to the target flott_tests_without_actors: that is what ThreadSanitizer runs on.
add_custom_target(flott_tests_without_actors)
function(flott_add_test)
  cmake_parse_arguments(ARG "" "NAME;LABELS" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE flott_test_main flott_warnings ${ARG_LIBRARIES})
  if("flott" IN_LIST ARG_LIBRARIES)
    flott_precompile(${ARG_NAME} REUSE_FROM flott_test_pch_actors)
  elseif("flott_runtime" IN_LIST ARG_LIBRARIES)
    flott_precompile(${ARG_NAME} REUSE_FROM flott_test_pch)
  endif()
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  if(NOT ARG_LABELS)
    set(ARG_LABELS fast)
  endif()
  if(NOT "flott" IN_LIST ARG_LIBRARIES)
    list(APPEND ARG_LABELS no_caf)
    add_dependencies(flott_tests_without_actors ${ARG_NAME})
  endif()
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 300)
endfunction()

# flott_add_cluster_test(NAME cluster_x SCRIPT test_x.py [LABELS slow]): Python, against real processes of the built `flott`.
function(flott_add_cluster_test)
  cmake_parse_arguments(ARG "" "NAME;SCRIPT;LABELS" "" ${ARGN})
  if(NOT TARGET flott_executable)
    return()
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  if(NOT ARG_LABELS)
    set(ARG_LABELS slow)
  endif()
  add_test(NAME ${ARG_NAME} COMMAND Python3::Interpreter "${CMAKE_CURRENT_SOURCE_DIR}/${ARG_SCRIPT}")
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600 PROCESSORS 2
    ENVIRONMENT "FLOTT=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/flott;FLOTT_TEST_MODULES=${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/test_modules;PYTHONDONTWRITEBYTECODE=1")
endfunction()
