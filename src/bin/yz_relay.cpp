#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "base/descriptor_limit.h"
#include "base/log.h"
#include "io/reactor.h"
#include "io/signal_waiter.h"
#include "relay/program.h"

namespace {

yz::io::Task<void> stop_on_signal(yz::io::Reactor& reactor, yz::io::Event& stop) {
  yz::io::SignalWaiter signals(reactor, {SIGTERM, SIGINT});
  (void)co_await signals.next(yz::io::kNoDeadline);
  stop.set();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Relays between control and the nodes of a region: one connection to control for all of them.");
  app.footer(
      "Example: yz-relay --join yzj-... --control 10.0.0.1:8443 --listen 0.0.0.0:8443 --state /var/lib/yizhan-relay\n"
      "The token (yz node relay-token NAME) is needed once. Agents and schedulers then name the relay, before control\n"
      "itself, in their --control.");
  yz::relay::Settings settings;
  app.add_option("--control", settings.controls, "Control's node port, host:port; may be given several times");
  app.add_option("--listen", settings.listen, "Where nodes connect, host:port")->capture_default_str();
  app.add_option("--join", settings.join_token, "Join token, for a relay that is not in a cluster yet");
  app.add_option("--name", settings.name, "Name shown to operators (the host's)");
  app.add_option("--state", settings.state, "Folder for its identity");
  CLI11_PARSE(app, argc, argv);
  if (settings.name.empty()) {
    char host[256] = {};
    if (::gethostname(host, sizeof host - 1) == 0) settings.name = host;
  }

  yz::io::SignalWaiter::block({SIGTERM, SIGINT});
  if (const auto opened = yz::log::open("yz-relay", {}); !opened) {
    return fmt::print(stderr, "yz-relay: {}\n", opened.error().message), 2;
  }
  (void)yz::raise_descriptor_limit();
  yz::io::BlockingPool pool;
  yz::io::Reactor reactor;
  yz::io::Event stop;
  reactor.spawn(stop_on_signal(reactor, stop));
  const auto ended = reactor.block_on(yz::relay::run(std::move(settings), pool, stop));
  if (!ended) fmt::print(stderr, "yz-relay: {}\n", ended.error().message);
  yz::log::flush();
  return ended ? 0 : ended.error().code == yz::Code::kInvalid ? 2 : 1;
}
