# Checks BPF programs in a CMake build, and writes headers for them.
#
#   include(Kfuncgen)
#   kfuncgen_lint(checked SOURCES src/drop.bpf.c [DEPENDS src/drop.h] [ARGS --kernel >=6.8])
#   add_dependencies(programs checked)
#   kfuncgen_header(OUTPUT kfuncs.gen.h KFUNCS bpf_task_from_pid [ARGS --minimal])
#
# The target of kfuncgen_lint() is part of `all`; a source is checked again when it, what it depends on or
# kfuncgen.toml changes. The target NAME-fix mends the sources. kfuncgen_header() writes into the folder of the build.
find_program(KFUNCGEN_EXECUTABLE kfuncgen REQUIRED)

function(kfuncgen_lint NAME)
  cmake_parse_arguments(PARSE_ARGV 1 IN "" "" "SOURCES;DEPENDS;ARGS")
  if(NOT IN_SOURCES OR IN_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kfuncgen_lint(NAME SOURCES ... [DEPENDS ...] [ARGS ...]): got '${ARGN}'")
  endif()
  set(config "${CMAKE_CURRENT_SOURCE_DIR}/kfuncgen.toml")
  if(NOT EXISTS "${config}")
    set(config "")
  endif()
  set(stamps "")
  file(MAKE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/kfuncgen")
  foreach(source IN LISTS IN_SOURCES)
    get_filename_component(path "${source}" ABSOLUTE)
    string(MD5 digest "${path}")
    set(stamp "${CMAKE_CURRENT_BINARY_DIR}/kfuncgen/${NAME}-${digest}.ok")
    add_custom_command(
      OUTPUT "${stamp}"
      COMMAND "${KFUNCGEN_EXECUTABLE}" lint "${source}" ${IN_ARGS}
      COMMAND "${CMAKE_COMMAND}" -E touch "${stamp}"
      DEPENDS "${path}" ${IN_DEPENDS} ${config}
      WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
      COMMENT "Checking ${source}"
      VERBATIM)
    list(APPEND stamps "${stamp}")
  endforeach()
  add_custom_target("${NAME}" ALL DEPENDS ${stamps})
  add_custom_target(
    "${NAME}-fix"
    COMMAND "${KFUNCGEN_EXECUTABLE}" lint --fix ${IN_SOURCES} ${IN_ARGS}
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    VERBATIM)
endfunction()

function(kfuncgen_header)
  cmake_parse_arguments(PARSE_ARGV 0 IN "" "OUTPUT" "KFUNCS;ARGS")
  if(NOT IN_OUTPUT OR NOT IN_KFUNCS OR IN_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kfuncgen_header(OUTPUT file KFUNCS ... [ARGS ...]): got '${ARGN}'")
  endif()
  get_filename_component(path "${IN_OUTPUT}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
  add_custom_command(
    OUTPUT "${path}"
    COMMAND "${KFUNCGEN_EXECUTABLE}" gen header ${IN_KFUNCS} ${IN_ARGS} -o "${path}"
    # It is written only when it changes; its time must be newer than what it depends on all the same.
    COMMAND "${CMAKE_COMMAND}" -E touch "${path}"
    VERBATIM)
endfunction()
