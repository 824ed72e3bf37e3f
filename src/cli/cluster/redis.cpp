#include "cli/cluster/redis.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/find_program.h"
#include "io/reactor.h"
#include "io/tcp_stream.h"

namespace yz::cli {

std::string Redis::url() const { return fmt::format("redis://:{}@127.0.0.1:{}", password, port); }

Redis redis_of(const ClusterPlan& plan) {
  return {plan.folder / "redis", plan.production->redis_port, plan.production->redis_password};
}

Result<Program> prepare(const Redis& server, std::filesystem::path log) {
  const std::string program = find_program("redis-server");
  if (program.empty()) return fail(Code::kNotFound, "Redis is not installed: apt-get install redis-server");
  YZ_CHECK(make_folder(server.folder));
  const std::filesystem::path file = server.folder / "redis.conf";
  const std::string settings = fmt::format(
      "bind 127.0.0.1\n"
      "port {0}\n"
      "dir \"{1}\"\n"
      "save \"\"\n"
      "maxmemory 64mb\n"
      "maxmemory-policy volatile-lru\n"
      "requirepass {2}\n",
      server.port, server.folder.string(), server.password);
  YZ_CHECK(write_file_atomically(file, settings, 0600));
  Program out{"redis", {program, file.string()}, std::move(log)};
  out.ends_last = true;
  return out;
}

io::Task<Status> wait_until_open(Redis server, MonoTime deadline) {
  const Endpoint endpoint{IpAddress::v4(0x7f000001), server.port};
  while (true) {
    const auto stream = co_await io::connect(endpoint, deadline);
    if (stream) co_return Status();
    if (io::Reactor::current().now() >= deadline) co_return fail(Code::kTimeout, "Redis does not answer");
    co_await io::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace yz::cli
