#include "store/redis_server_for_test.h"

#include <fmt/format.h>

#include "base/find_program.h"

namespace yz::store {

namespace fs = std::filesystem;

Result<std::unique_ptr<RedisServer>> RedisServer::start() {
  std::unique_ptr<RedisServer> server(new RedisServer);
  server->program_ = find_program("redis-server");
  if (server->program_.empty()) {
    return fail(Code::kNotFound, "redis-server is not installed: apt-get install redis-server");
  }
  for (int tries = 0;; ++tries) {  // another program may take the port before the server does
    server->port_ = free_port_for_test();
    auto launched = server->launch();
    if (launched) return server;
    if (tries == 4) return fail(std::move(launched).error());
  }
}

Status RedisServer::launch() {
  const fs::path settings = folder_.path() / "redis.conf";
  YZ_CHECK(write_file_atomically(
      settings,
      fmt::format("bind 127.0.0.1\nport {}\ndir {}\nsave \"\"\nrequirepass s3cret\n", port_, folder_.path().native()),
      0600));
  return process_.start(
      {program_, settings.native()}, folder_.path() / "redis.log", [this] { return accepts_for_test(port_); },
      std::chrono::seconds(30));
}

Status RedisServer::restart() {
  process_.kill();
  return launch();
}

std::string RedisServer::url() const { return fmt::format("redis://:s3cret@127.0.0.1:{}/2", port_); }

}  // namespace yz::store
