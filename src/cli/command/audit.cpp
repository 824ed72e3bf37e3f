#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

struct Options {
  int limit = 50;
  std::string kind;
};

io::Task<Status> list(ApiClient& api, const Shell& shell, Options o) {
  std::string path = fmt::format("/api/v1/audit?limit={}", o.limit);
  if (!o.kind.empty()) path += "&kind=" + percent_encode(o.kind);
  YZ_CO_TRY(const json page, co_await api.get(path));
  if (shell.json) {
    shell.print_json(page["items"]);
    co_return Status();
  }
  Table table({"id", "time", "who", "what", "from"});
  for (const json& entry : page["items"]) {
    table.add({std::to_string(entry.value("id", 0)), entry.value("time", ""), entry.value("actor", ""),
               fmt::format("{} {} {}", entry.value("action", ""), entry.value("kind", ""), entry.value("target", "")),
               entry.value("address", "")});
  }
  shell.print(table.text());
  co_return Status();
}

io::Task<Status> verify(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json verdict, co_await api.get("/api/v1/audit/verify"));
  if (shell.json) shell.print_json(verdict);
  if (!verdict.value("intact", false)) {
    co_return fail(Code::kCorrupt, fmt::format("the audit is not as it was written: entry {} is missing or changed",
                                               verdict.value("first_broken", 0)));
  }
  if (!shell.json) {
    shell.print(fmt::format("{} entries, each follows from the one before; head {}\n", verdict.value("entries", 0),
                            verdict.value("head", "")));
  }
  co_return Status();
}

}  // namespace

void add_audit(CLI::App& app, Shell& shell) {
  auto* audit = app.add_subcommand("audit", "Who changed what, and whether the record is whole");
  audit->footer(
      "Examples:\n"
      "  yz audit list --kind user\n"
      "  yz audit verify        exit code 1 when an entry was changed or removed");
  audit->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  auto* listing = audit->add_subcommand("list", "The newest entries");
  listing->add_option("--limit", o->limit, "How many")->capture_default_str()->check(CLI::Range(1, 500));
  listing->add_option("--kind", o->kind, "Only of this kind: domain, user, token, ...");
  listing->callback(does(list));
  audit->add_subcommand("verify", "Check the whole hash chain")
      ->callback(does([](ApiClient& api, const Shell& s, const Options&) { return verify(api, s); }));
}

}  // namespace yz::cli
