#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

struct Options {
  std::uint64_t id = 0;
};

io::Task<Status> list(ApiClient& api, const Shell& shell, Options /*o*/) {
  YZ_CO_TRY(const json page, co_await api.get("/api/v1/statements?limit=500"));
  if (shell.json) {
    shell.print_json(page["items"]);
    co_return Status();
  }
  Table table({"id", "tenant", "month", "state", "total"});
  for (const json& one : page["items"]) {
    table.add({std::to_string(one.value("id", 0)), std::to_string(one.value("tenant", 0)), one.value("month", ""),
               one.value("state", ""), one.value("total", "") + " " + one.value("currency", "")});
  }
  shell.print(table.empty() ? "no statements yet\n" : table.text());
  co_return Status();
}

io::Task<Status> show(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json statement, co_await api.get(fmt::format("/api/v1/statements/{}", o.id)));
  if (shell.json) {
    shell.print_json(statement);
    co_return Status();
  }
  Table table({"item", "day", "quantity", "price", "amount"});
  for (const json& line : statement["document"]["lines"]) {
    table.add({line.value("label", ""), line.value("day", ""), line.value("quantity", ""), line.value("price", ""),
               line.value("amount", "")});
  }
  table.add({"total", "", "", statement.value("currency", ""), statement.value("total", "")});
  shell.print(table.text());
  co_return Status();
}

/// Fails when the statement does not come out the same.
io::Task<Status> recompute(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json result, co_await api.get(fmt::format("/api/v1/statements/{}/recompute", o.id)));
  if (shell.json) shell.print_json(result);
  if (!result.value("equal", false)) {
    const std::string where = result.value("first_difference", "");
    co_return fail(Code::kConflict, fmt::format("statement {} does not come out the same: {}", o.id, where));
  }
  if (!shell.json) {
    shell.print(fmt::format("statement {} comes out the same: {} (usage {})\n", o.id, result.value("total", ""),
                            result.value("usage_hash", "")));
  }
  co_return Status();
}

}  // namespace

void add_bill(CLI::App& app, Shell& shell) {
  auto* bill = app.add_subcommand("bill", "Statements: what usage costs");
  bill->footer(
      "Examples:\n  yz bill list\n  yz bill show 3\n  yz bill recompute 3   make it again from stored usage and "
      "compare");
  bill->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  bill->add_subcommand("list", "All statements")->callback(does(list));
  auto* showing = bill->add_subcommand("show", "One statement, line by line");
  showing->add_option("id", o->id, "Its number")->required();
  showing->callback(does(show));
  auto* again = bill->add_subcommand("recompute", "Make it again from stored usage and compare");
  again->add_option("id", o->id, "Its number")->required();
  again->callback(does(recompute));
}

}  // namespace yz::cli
