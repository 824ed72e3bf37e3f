#include "bus/nats_server_for_test.h"

#include <fmt/format.h>

#include "base/find_program.h"

namespace yz::bus {

namespace fs = std::filesystem;

Result<std::unique_ptr<NatsServer>> NatsServer::start(Speaks speaks) {
  std::unique_ptr<NatsServer> server(new NatsServer);
  server->speaks_ = speaks;
  server->program_ = find_program("nats-server");
  if (server->program_.empty()) {
    return fail(Code::kNotFound, "nats-server is not installed: apt-get install nats-server");
  }
  if (speaks != Speaks::kPlain) YZ_CHECK(server->make_certificates());
  for (int tries = 0;; ++tries) {  // another program may take the port before the server does
    server->port_ = free_port_for_test();
    auto launched = server->launch();
    if (launched) return server;
    if (tries == 4) return fail(std::move(launched).error());
  }
}

/// An authority, the server's certificate and a client's, each with its key beside it.
Status NatsServer::make_certificates() const {
  YZ_CHECK(run_for_test(
      {"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
       "2", "-subj", "/CN=authority for tests", "-keyout", file("ca.key"), "-out", file("ca.pem")},
      file("openssl.log")));
  YZ_CHECK(sign("server", "IP:127.0.0.1"));
  return sign("client", "DNS:control.example");
}

Status NatsServer::sign(const std::string& name, const std::string& subject) const {
  return run_for_test({"/usr/bin/openssl",
                       "req",
                       "-x509",
                       "-newkey",
                       "ec",
                       "-pkeyopt",
                       "ec_paramgen_curve:P-256",
                       "-nodes",
                       "-days",
                       "2",
                       "-subj",
                       "/CN=" + name,
                       "-addext",
                       "subjectAltName=" + subject,
                       "-CA",
                       file("ca.pem"),
                       "-CAkey",
                       file("ca.key"),
                       "-keyout",
                       file(name + ".key"),
                       "-out",
                       file(name + ".pem")},
                      file("openssl.log"));
}

Status NatsServer::launch() {
  std::string tls;
  if (speaks_ != Speaks::kPlain) {
    tls = fmt::format("tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: {} }}\n",
                      file("server.pem"), file("server.key"), file("ca.pem"), speaks_ == Speaks::kTlsToUs);
  }
  const fs::path settings = folder_.path() / "nats.conf";
  YZ_CHECK(write_file_atomically(settings,
                                 fmt::format("listen: \"127.0.0.1:{}\"\n"
                                             "max_payload: 8MB\n"
                                             "jetstream {{ store_dir: \"{}\", max_file_store: 16GB }}\n"
                                             "authorization {{ user: tester, password: \"s3cret\" }}\n"
                                             "{}",
                                             port_, file("data"), tls),
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

std::string NatsServer::url(std::string_view host) const {
  return fmt::format("{}://tester:s3cret@{}:{}", speaks_ == Speaks::kPlain ? "nats" : "tls", host, port_);
}

NatsTls NatsServer::tls() const {
  switch (speaks_) {
    case Speaks::kPlain:
      return {};
    case Speaks::kTls:
      return {.ca_file = file("ca.pem"), .certificate_file = {}, .key_file = {}};
    case Speaks::kTlsToUs:
      return {.ca_file = file("ca.pem"), .certificate_file = file("client.pem"), .key_file = file("client.key")};
  }
  return {};
}

}  // namespace yz::bus
