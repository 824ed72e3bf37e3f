#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/clock.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

std::string state_of(const json& s) {
  if (!s.value("connected", false)) return coloured(Colour::kRed, "away");
  if (s.value("draining", false)) return coloured(Colour::kYellow, "draining");
  return s.value("ready", false) ? coloured(Colour::kGreen, "ready") : coloured(Colour::kYellow, "starting");
}

std::string screen(const json& states) {
  Table table({"node", "req/s", "out", "conns", "cpu", "hits", "cache", "config", "purge", "state"});
  double requests = 0, bits = 0;
  for (const json& s : states["items"]) {
    const json load = s.value("load", json::object());
    requests += load.value("requests_per_s", 0.0);
    bits += load.value("bits_out_per_s", 0.0);
    table.add({s.value("name", ""), fmt::format("{:.0f}", load.value("requests_per_s", 0.0)),
               human_bits(load.value("bits_out_per_s", 0.0)), std::to_string(load.value("connections", 0)),
               fmt::format("{:.0f} %", load.value("cpu", 0.0) * 100),
               fmt::format("{:.1f} %", load.value("hit_ratio", 0.0) * 100), human_bytes(load.value("cache_bytes", 0.0)),
               std::to_string(s.value("config_seq", 0)), std::to_string(s.value("purge_seq", 0)), state_of(s)});
  }
  return fmt::format("{}  {:.0f} req/s, {}; newest config {}, newest purge {}\n\n{}",
                     format_rfc3339(SystemClock::instance().wall()), requests, human_bits(bits),
                     states.value("config_seq", 0), states.value("purge_seq", 0), table.text());
}

io::Task<Status> watch(ApiClient& api, const Shell& shell, double interval_s, int count) {
  const bool on_terminal = ::isatty(STDOUT_FILENO) == 1;
  for (int i = 0; count == 0 || i < count; ++i) {
    if (i > 0) co_await io::sleep_for(std::chrono::milliseconds(static_cast<int>(interval_s * 1000)));
    YZ_CO_TRY(const json states, co_await api.get("/api/v1/node-states"));
    if (shell.json) {
      shell.print_json(states);
    } else {
      shell.print((on_terminal && count != 1 ? "\x1b[H\x1b[2J" : "") + screen(states));
    }
  }
  co_return Status();
}

}  // namespace

void add_top(CLI::App& app, Shell& shell) {
  auto* top = app.add_subcommand("top", "What every node is doing, live");
  top->footer("Examples:\n  yz top\n  yz top --count 1     once, for scripts");
  struct Options {
    double interval = 1;
    int count = 0;
  };
  const auto o = std::make_shared<Options>();
  top->add_option("--interval", o->interval, "Seconds between looks")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0));
  top->add_option("--count", o->count, "How many looks; 0: until Ctrl-C")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  top->callback([&shell, o] {
    shell.action = [&shell, o] {
      return shell.with_api([&](ApiClient& api) { return watch(api, shell, o->interval, o->count); });
    };
  });
}

}  // namespace yz::cli
