# Compiler, warnings, sanitizers, linker, compilation cache: one place for all rooms.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_THREAD_PREFER_PTHREAD ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Asserts (YZ_ASSERT) stay on in every build, so NDEBUG is never set by us.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")

set(YZ_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them; empty for none")
option(YZ_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(YZ_WERROR "Treat warnings as errors" ON)

add_library(yz_flags INTERFACE)
target_compile_options(yz_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -fno-omit-frame-pointer)
if(YZ_WERROR)
  target_compile_options(yz_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports false positives inside coroutine frames and libstdc++ strings (docs/decisions/0001).
  target_compile_options(yz_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                                            -Wno-stringop-overread -Wno-missing-field-initializers -Wno-dangling-pointer)
else()
  target_compile_options(yz_flags INTERFACE -Wno-missing-designated-field-initializers -Wno-missing-field-initializers)
endif()
if(YZ_SANITIZE)
  target_compile_options(yz_flags INTERFACE -fsanitize=${YZ_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(yz_flags INTERFACE -fsanitize=${YZ_SANITIZE})
endif()
if(YZ_FUZZ)
  # Coverage instrumentation for the code under test; only fuzz binaries link libFuzzer's main.
  target_compile_options(yz_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(yz_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  find_program(YZ_LLD NAMES ld.lld-19)
  if(YZ_LLD)
    add_link_options(-fuse-ld=${YZ_LLD})
  endif()
endif()

find_program(YZ_CCACHE ccache)
if(YZ_CCACHE)
  # The cache works across clones: paths are taken relative to the checkout.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
                                  CCACHE_SLOPPINESS=time_macros ${YZ_CCACHE})
endif()
