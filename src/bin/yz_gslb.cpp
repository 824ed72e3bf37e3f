#include <csignal>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/descriptor_limit.h"
#include "base/file.h"
#include "base/log.h"
#include "gslb/server.h"
#include "io/signal_waiter.h"

namespace {

int complain(const yz::Error& error, int status) {
  fmt::print(stderr, "yz-gslb: {}\n", error.message);
  return status;
}

/// Until asked to end; SIGHUP reads the address map again.
yz::io::Task<void> wait_for_signals(yz::io::SignalWaiter& signals, yz::gslb::Server& server) {
  for (;;) {
    const auto signal = co_await signals.next(yz::io::kNoDeadline);
    if (!signal || *signal != SIGHUP) co_return;
    const auto reloaded = co_await server.reload_map();
    if (reloaded) {
      yz::log::info("gslb: the address map was read again");
    } else {
      yz::log::error("gslb: the old address map stays: {}", reloaded.error().message);
    }
  }
}

int serve(yz::gslb::GslbSettings settings) {
  (void)yz::raise_descriptor_limit();  // viewers to redirect, resolvers over TCP
  yz::io::Reactor reactor;
  yz::io::SignalWaiter signals(reactor, {SIGINT, SIGTERM, SIGHUP});
  auto server = yz::gslb::Server::start(reactor, std::move(settings));
  if (!server) return complain(server.error(), 1);
  for (const auto& endpoint : (*server)->dns_endpoints()) yz::log::info("gslb: DNS on {}", to_string(endpoint));
  if ((*server)->http_endpoint().port != 0) yz::log::info("gslb: HTTP on {}", to_string((*server)->http_endpoint()));
  reactor.block_on(wait_for_signals(signals, **server));
  yz::log::info("gslb: ending");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  yz::io::SignalWaiter::block({SIGINT, SIGTERM, SIGHUP});
  CLI::App app("The scheduler: authoritative DNS, 302 and HTTP-DNS for the CDN's domains.");
  app.footer("Example: yz-gslb --config examples/gslb.yaml");
  std::filesystem::path config;
  bool check_only = false;
  app.add_option("--config", config, "Settings (YAML, docs/operate/gslb.md)")->required();
  app.add_flag("--check", check_only, "Read the settings, say what is wrong, and end");
  CLI11_PARSE(app, argc, argv);

  const auto text = yz::read_file(config);
  if (!text) return complain(text.error(), 2);
  auto settings = yz::gslb::parse_settings(*text, config.string());
  if (!settings) return complain(settings.error(), 2);
  if (check_only) return 0;
  yz::log::Options log_options;
  log_options.level = *yz::log::parse_level(settings->log_level);
  if (auto opened = yz::log::open("yz-gslb", log_options); !opened) return complain(opened.error(), 2);
  return serve(*std::move(settings));
}
