#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/file.h"
#include "base/log.h"
#include "io/signal_waiter.h"

namespace {

/// What the command line says over what the file says.
struct Flags {
  std::string config;
  std::vector<std::string> controls;
  std::string join;
  std::string name;
  std::string state;
  std::string edge_binary;
};

yz::Result<yz::agent::Settings> settings_from(const Flags& flags) {
  yz::agent::Settings settings;
  if (!flags.config.empty()) {
    YZ_TRY(const std::string text, yz::read_file(flags.config));
    YZ_TRY(settings, yz::agent::read_settings(text, flags.config));
  }
  if (!flags.controls.empty()) settings.controls = flags.controls;
  if (!flags.join.empty()) settings.join_token = flags.join;
  if (!flags.name.empty()) settings.name = flags.name;
  if (!flags.state.empty()) settings.state = flags.state;
  if (!flags.edge_binary.empty()) settings.edge.binary = flags.edge_binary;
  if (settings.name.empty()) {
    char host[256] = {};
    if (::gethostname(host, sizeof host - 1) == 0) settings.name = host;
  }
  YZ_CHECK(yz::agent::check(settings));
  return settings;
}

yz::io::Task<void> stop_on_signal(yz::io::Reactor& reactor, yz::agent::Agent& agent) {
  yz::io::SignalWaiter signals(reactor, {SIGTERM, SIGINT});
  (void)co_await signals.next(yz::io::kNoDeadline);
  agent.request_stop();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs one node: joins it to its cluster, keeps its edge running and configured.");
  app.footer(
      "Example: yz-agent --join yzj-... --control 10.0.0.1:7000 --state /var/lib/yizhan --config agent.yaml\n"
      "The token is needed once. Afterwards the node knows who it is from its state folder.");
  Flags flags;
  app.add_option("--config", flags.config, "Settings file (YAML); flags given beside it win");
  app.add_option("--control", flags.controls, "Control's node port, host:port; may be given several times");
  app.add_option("--join", flags.join, "Join token, for a node that is not in a cluster yet");
  app.add_option("--name", flags.name, "Name shown to operators (the host's)");
  app.add_option("--state", flags.state, "Folder for everything the agent keeps");
  app.add_option("--edge-binary", flags.edge_binary, "The edge program (yz-edge beside this one)");
  CLI11_PARSE(app, argc, argv);

  auto settings = settings_from(flags);
  if (!settings) return fmt::print(stderr, "yz-agent: {}\n", settings.error().message), 2;
  yz::io::SignalWaiter::block({SIGTERM, SIGINT});
  if (const auto opened = yz::log::open("yz-agent", settings->log); !opened) {
    return fmt::print(stderr, "yz-agent: {}\n", opened.error().message), 2;
  }

  yz::io::BlockingPool pool;
  yz::io::Reactor reactor;
  yz::agent::Agent agent(pool, *std::move(settings));
  reactor.spawn(stop_on_signal(reactor, agent));
  const auto ended = reactor.block_on(agent.run());
  if (!ended) yz::log::error("{}", ended.error().message);
  yz::log::flush();
  return ended ? 0 : 1;
}
