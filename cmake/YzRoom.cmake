# yz_room(NAME
#   SOURCES  a.cpp b.cpp ...        library yz_NAME (omit for a room of headers only)
#   TESTS    a_test.cpp ...         one GoogleTest program NAME_test, one ctest entry
#   BENCHES  a_bench.cpp ...        one Google Benchmark program NAME_bench, built on demand (./dev bench)
#   FUZZ     a_fuzz.cpp ...         one libFuzzer program each, named after the file; corpus in fuzz/corpus/<name>/
#   DEPS     yz_base Dep::fmt ...   what it links; rooms as yz_<room>
#   TEST_DEPS ...                   what only its tests and fuzzers link
#   ON_URING                        a second ctest entry runs the tests with reactors on io_uring (YZ_IO=uring)
#   EXCEPT_ON_URING A.b:C.d         but not these
# )
# Include root is src/; a room's place in the order is checked from src/LAYERS by tools/check_layers.py.

# What every test runs with: the sanitizers' settings, and a symbolizer of the compiler's version (an older one gives
# them no names, and so no suppression by name would hold).
find_program(YZ_SYMBOLIZER llvm-symbolizer-19)
if(YZ_SANITIZE AND NOT YZ_SYMBOLIZER)
  message(FATAL_ERROR "llvm-symbolizer-19 is missing: sanitizers need it (Debian package llvm-19)")
endif()
set(YZ_TEST_ENVIRONMENT "")
if(YZ_SANITIZE MATCHES "thread")
  set(YZ_TEST_ENVIRONMENT
    "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tools/tsan.supp:halt_on_error=1:second_deadlock_stack=1:external_symbolizer_path=${YZ_SYMBOLIZER}")
elseif(YZ_SANITIZE MATCHES "address")
  set(YZ_TEST_ENVIRONMENT
    "ASAN_OPTIONS=external_symbolizer_path=${YZ_SYMBOLIZER};LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tools/lsan.supp;UBSAN_OPTIONS=print_stacktrace=1:external_symbolizer_path=${YZ_SYMBOLIZER}")
endif()

# What tests themselves do is no work; not optimising it takes a third off the build from nothing. GCC makes coroutines
# that resume each other nest without it.
set(YZ_TEST_OPTIONS "$<$<AND:$<CONFIG:Release>,$<CXX_COMPILER_ID:Clang>>:-O0>")

add_custom_target(fuzzers)   # every fuzz program; with YZ_FUZZ only
add_custom_target(programs)  # what is installed, without tests and benches

function(yz_room NAME)
  cmake_parse_arguments(ROOM "ON_URING" "EXCEPT_ON_URING" "SOURCES;TESTS;BENCHES;FUZZ;DEPS;TEST_DEPS" ${ARGN})

  if(ROOM_SOURCES)
    add_library(yz_${NAME} STATIC ${ROOM_SOURCES})
    target_include_directories(yz_${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(yz_${NAME} PUBLIC yz_flags ${ROOM_DEPS})
  else()
    add_library(yz_${NAME} INTERFACE)
    target_include_directories(yz_${NAME} INTERFACE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(yz_${NAME} INTERFACE yz_flags ${ROOM_DEPS})
  endif()

  if(ROOM_TESTS AND NOT YZ_FUZZ)
    add_executable(${NAME}_test ${ROOM_TESTS})
    target_link_libraries(${NAME}_test PRIVATE yz_${NAME} ${ROOM_TEST_DEPS} GTest::gtest GTest::gtest_main)
    target_compile_options(${NAME}_test PRIVATE ${YZ_TEST_OPTIONS})
    add_test(NAME ${NAME} COMMAND ${NAME}_test --gtest_brief=1)
    set_tests_properties(${NAME} PROPERTIES TIMEOUT 600 ENVIRONMENT "${YZ_TEST_ENVIRONMENT}")
    if(ROOM_ON_URING)
      add_test(NAME ${NAME}_uring COMMAND ${NAME}_test --gtest_brief=1 "--gtest_filter=-${ROOM_EXCEPT_ON_URING}")
      set_tests_properties(${NAME}_uring PROPERTIES TIMEOUT 600 ENVIRONMENT "YZ_IO=uring;${YZ_TEST_ENVIRONMENT}")
    endif()
  endif()

  if(ROOM_BENCHES)
    add_executable(${NAME}_bench EXCLUDE_FROM_ALL ${ROOM_BENCHES})
    target_link_libraries(${NAME}_bench PRIVATE yz_${NAME} Dep::benchmark benchmark_main)
  endif()

  if(YZ_FUZZ)
    foreach(source IN LISTS ROOM_FUZZ)
      get_filename_component(fuzzer ${source} NAME_WE)
      add_executable(${fuzzer} ${source})
      target_link_libraries(${fuzzer} PRIVATE yz_${NAME} ${ROOM_TEST_DEPS})
      target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
      add_dependencies(fuzzers ${fuzzer})
    endforeach()
  endif()
endfunction()

# yz_program(yz-edge main_edge.cpp DEPS yz_edge ...): an executable in build/<preset>/bin.
function(yz_program NAME SOURCE)
  cmake_parse_arguments(PROGRAM "" "" "DEPS" ${ARGN})
  add_executable(${NAME} ${SOURCE})
  target_link_libraries(${NAME} PRIVATE yz_flags ${PROGRAM_DEPS})
  add_dependencies(programs ${NAME})
endfunction()
