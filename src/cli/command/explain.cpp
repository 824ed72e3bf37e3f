#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/shell.h"

namespace yz::cli {
namespace {

using nlohmann::json;

io::Task<Status> show(ApiClient& api, const Shell& shell, std::string name, std::string address) {
  YZ_CO_TRY(const json explanation, co_await api.get(fmt::format("/api/v1/explain?name={}&address={}",
                                                                 percent_encode(name), percent_encode(address))));
  shell.json ? shell.print_json(explanation) : shell.print(explanation.value("text", ""));
  co_return Status();
}

}  // namespace

void add_explain(CLI::App& app, Shell& shell) {
  auto* explain = app.add_subcommand("explain", "Why a viewer at an address is sent where it is sent");
  explain->footer(
      "Examples:\n  yz explain www.a.com 202.106.0.20   a Beijing Unicom viewer: class, chain, candidates, answer");
  struct Options {
    std::string name, address;
  };
  const auto o = std::make_shared<Options>();
  explain->add_option("name", o->name, "A served host name, or its CNAME target")->required();
  explain->add_option("address", o->address, "The viewer's address, or its resolver's")->required();
  explain->callback([&shell, o] {
    shell.action = [&shell, o] {
      return shell.with_api([&](ApiClient& api) { return show(api, shell, o->name, o->address); });
    };
  });
}

}  // namespace yz::cli
