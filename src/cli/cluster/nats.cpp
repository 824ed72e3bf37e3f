#include "cli/cluster/nats.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/find_program.h"
#include "cli/cluster/greeting.h"
#include "io/reactor.h"

namespace yz::cli {

std::string Nats::url() const { return fmt::format("nats://yizhan:{}@127.0.0.1:{}", password, port); }

Nats nats_of(const ClusterPlan& plan) {
  return {plan.folder / "nats", plan.production->bus_port, plan.production->bus_password};
}

Result<Program> prepare(const Nats& server, std::filesystem::path log) {
  const std::string program = find_program("nats-server");
  if (program.empty()) return fail(Code::kNotFound, "NATS is not installed: apt-get install nats-server");
  YZ_CHECK(make_folder(server.folder));
  const std::filesystem::path file = server.folder / "nats.conf";
  const std::string settings = fmt::format(
      "listen: \"127.0.0.1:{0}\"\n"
      "max_payload: 8MB\n"
      "jetstream {{ store_dir: \"{1}/streams\", max_file_store: 4GB }}\n"
      "authorization {{ user: yizhan, password: \"{2}\" }}\n",
      server.port, server.folder.string(), server.password);
  YZ_CHECK(write_file_atomically(file, settings, 0600));
  Program out{"nats", {program, "-c", file.string()}, std::move(log)};
  out.ends_last = true;
  return out;
}

io::Task<Status> wait_until_open(Nats server, MonoTime deadline) {
  while (true) {
    const std::string greeting = co_await greeting_of(server.port, deadline);
    if (greeting.starts_with("INFO ")) co_return Status();
    if (io::Reactor::current().now() >= deadline) co_return fail(Code::kTimeout, "NATS does not answer");
    co_await io::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace yz::cli
