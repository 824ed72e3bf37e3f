#include "bus/nats_server_for_test.h"

#include <fmt/format.h>

#include "base/find_program.h"

namespace yz::bus {

namespace fs = std::filesystem;

Result<std::unique_ptr<NatsServer>> NatsServer::start() {
  std::unique_ptr<NatsServer> server(new NatsServer);
  server->program_ = find_program("nats-server");
  if (server->program_.empty()) {
    return fail(Code::kNotFound, "nats-server is not installed: apt-get install nats-server");
  }
  for (int tries = 0;; ++tries) {  // another program may take the port before the server does
    server->port_ = free_port_for_test();
    auto launched = server->launch();
    if (launched) return server;
    if (tries == 4) return fail(std::move(launched).error());
  }
}

Status NatsServer::launch() {
  const fs::path settings = folder_.path() / "nats.conf";
  YZ_CHECK(write_file_atomically(settings,
                                 fmt::format("listen: \"127.0.0.1:{}\"\n"
                                             "max_payload: 8MB\n"
                                             "jetstream {{ store_dir: \"{}\", max_file_store: 16GB }}\n"
                                             "authorization {{ user: tester, password: \"s3cret\" }}\n",
                                             port_, (folder_.path() / "data").native()),
                                 0600));
  return process_.start(
      {program_, "-c", settings.native()}, folder_.path() / "nats.log", [this] { return accepts_for_test(port_); },
      std::chrono::seconds(30));
}

Status NatsServer::restart() {
  process_.kill();
  return launch();
}

void NatsServer::lose_data() const {
  std::error_code ignored;
  fs::remove_all(folder_.path() / "data", ignored);
}

std::string NatsServer::url() const { return fmt::format("nats://tester:s3cret@127.0.0.1:{}", port_); }

}  // namespace yz::bus
