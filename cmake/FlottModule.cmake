# flott_add_module(NAME SOURCES a.cpp ... [LIBRARIES lib ...])
#
# Builds NAME.so, a job module: what `flott run NAME.so` takes. Only its job functions are visible, and it can be
# unloaded again: hidden visibility, and no GNU unique symbols, which would pin it in the process. It carries the ELF note
# by which it is judged before it is loaded.
function(flott_add_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_SOURCES)
    message(FATAL_ERROR "flott_add_module(${name}): SOURCES are missing")
  endif()
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "flott_add_module(${name}): unknown arguments ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  set(note "${CMAKE_CURRENT_BINARY_DIR}/${name}.note.cpp")
  file(CONFIGURE OUTPUT "${note}" CONTENT "#include \"runtime/module/emit_note.hpp\"\n")
  add_library(${name} MODULE ${ARG_SOURCES} "${note}")
  if(TARGET Flott::runtime)
    target_link_libraries(${name} PRIVATE Flott::runtime ${ARG_LIBRARIES})
  else()
    target_link_libraries(${name} PRIVATE flott_runtime ${ARG_LIBRARIES})
  endif()
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${name} PRIVATE LINKER:--build-id=sha1)
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
