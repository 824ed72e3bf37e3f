#include <csignal>

#include <fmt/format.h>

#include "base/descriptor_limit.h"
#include "base/log.h"
#include "edge/edge_server.h"
#include "edge/options.h"
#include "io/reactor.h"
#include "io/signal_waiter.h"
#include "net/openssl_memory.h"

namespace {

constexpr std::chrono::seconds kPatience{10};
/// Fewer descriptors are worth a word: a connection takes one, its request to the origin another.
constexpr std::uint64_t kFewDescriptors = 16 * 1024;

}  // namespace

int main(int argc, char** argv) {
  (void)yz::net::pool_openssl_memory();
  yz::io::SignalWaiter::block({SIGINT, SIGTERM});
  auto options = yz::edge::read_options(argc, argv);
  if (!options) {
    const bool is_help = options.error().code == yz::Code::kCancelled;
    fmt::print(is_help ? stdout : stderr, "{}{}\n", is_help ? "" : "yz-edge: ", options.error().message);
    return is_help ? 0 : 2;
  }
  if (const auto opened = yz::log::open("yz-edge", {}); !opened) {
    fmt::print(stderr, "yz-edge: {}\n", opened.error().message);
    return 1;
  }
  const std::uint64_t descriptors = yz::raise_descriptor_limit();
  if (descriptors < kFewDescriptors) {
    yz::log::warn(
        "the system allows no more than {} descriptors, so fewer connections than that (LimitNOFILE= of the "
        "service, ulimit -Hn)",
        descriptors);
  }
  auto server = yz::edge::EdgeServer::start(*options);
  if (!server) {
    yz::log::error("cannot start: {}", server.error().message);
    yz::log::flush();
    return 1;
  }
  for (const auto& endpoint : (*server)->listening()) yz::log::info("listening on {}", to_string(endpoint));
  for (const auto& endpoint : (*server)->listening_tls()) yz::log::info("listening on {} for TLS", to_string(endpoint));
  yz::log::flush();

  yz::io::Reactor reactor;
  yz::io::SignalWaiter signals(reactor, {SIGINT, SIGTERM});
  (void)reactor.block_on(signals.next(yz::io::kNoDeadline));
  yz::log::info("draining");
  (*server)->drain(kPatience);
  (*server)->save();
  server->reset();
  yz::log::info("stopped");
  yz::log::flush();
  return 0;
}
