# Every third-party library, from Debian 12's packages (tools/packages.txt lists them). One target each, named Dep::x.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(GTest REQUIRED)

# Declares Dep::NAME from a pkg-config module, its headers as system headers.
function(yz_pkg NAME MODULE)
  pkg_check_modules(${NAME} REQUIRED IMPORTED_TARGET GLOBAL ${MODULE})
  add_library(Dep::${NAME} ALIAS PkgConfig::${NAME})
endfunction()

# Declares Dep::NAME for a library without pkg-config metadata.
function(yz_plain NAME HEADER)
  find_path(${NAME}_INCLUDE ${HEADER} REQUIRED)
  add_library(dep_${NAME} INTERFACE)
  target_include_directories(dep_${NAME} SYSTEM INTERFACE ${${NAME}_INCLUDE})
  target_link_libraries(dep_${NAME} INTERFACE ${ARGN})
  add_library(Dep::${NAME} ALIAS dep_${NAME})
endfunction()

yz_pkg(fmt fmt)
yz_pkg(spdlog spdlog)
yz_pkg(yaml yaml-cpp)
yz_pkg(maxminddb libmaxminddb)
yz_pkg(xxhash libxxhash)
yz_pkg(nghttp2 libnghttp2)
yz_pkg(uring liburing)
yz_pkg(curl libcurl)
yz_pkg(grpc grpc++)
yz_pkg(argon2 libargon2)
yz_pkg(nats libnats)
yz_pkg(protobuf protobuf)
yz_plain(expected tl/expected.hpp)
yz_plain(json nlohmann/json.hpp)
yz_plain(cli11 CLI/CLI.hpp)
yz_plain(soci soci/soci.h soci_core soci_sqlite3 soci_mysql)
find_path(YZ_MARIADB_INCLUDE mysql.h PATHS /usr/include/mariadb /usr/include/mysql REQUIRED)
target_include_directories(dep_soci SYSTEM INTERFACE ${YZ_MARIADB_INCLUDE})
yz_plain(benchmark benchmark/benchmark.h benchmark Threads::Threads)

find_program(YZ_PROTOC protoc REQUIRED)
find_program(YZ_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)
