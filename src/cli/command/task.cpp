#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/shell.h"
#include "cli/table.h"
#include "cli/task_view.h"

namespace yz::cli {
namespace {

using nlohmann::json;

struct Options {
  std::uint64_t id = 0;
  int limit = 20;
};

io::Task<Status> list(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json page, co_await api.get(fmt::format("/api/v1/tasks?limit={}", o.limit)));
  if (shell.json) {
    shell.print_json(page["items"]);
    co_return Status();
  }
  Table table({"id", "kind", "state", "created", "nodes", "target"});
  for (const json& t : page["items"]) {
    const json targets = t.value("targets", json::array());
    const json progress = t.value("progress", json::object());
    std::string first = targets.empty() ? "" : targets[0].value("value", "");
    if (targets.size() > 1) first += fmt::format(" and {} more", targets.size() - 1);
    table.add({std::to_string(t.value("id", 0)), t.value("kind", ""), t.value("state", ""), t.value("created", ""),
               fmt::format("{}/{}", progress.value("done", 0), progress.value("total", 0)), first});
  }
  shell.print(table.empty() ? "no tasks yet\n" : table.text());
  co_return Status();
}

io::Task<Status> show(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json task, co_await api.get(fmt::format("/api/v1/tasks/{}", o.id)));
  shell.json ? shell.print_json(task) : shell.print(task_text(task));
  co_return Status();
}

io::Task<Status> watch(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json task, co_await api.wait_for_task(o.id, std::chrono::milliseconds(100), std::chrono::hours(24)));
  shell.json ? shell.print_json(task) : shell.print(task_text(task));
  co_return Status();
}

}  // namespace

void add_task(CLI::App& app, Shell& shell) {
  auto* task = app.add_subcommand("task", "Refresh and prefetch tasks");
  task->footer(
      "Examples:\n  yz task list\n  yz task show 12    who has done it, and after how long\n  yz task watch 12   wait "
      "for its end");
  task->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  auto* listing = task->add_subcommand("list", "The newest tasks");
  listing->add_option("--limit", o->limit, "How many")->capture_default_str()->check(CLI::Range(1, 500));
  listing->callback(does(list));
  auto* showing = task->add_subcommand("show", "One task, node by node");
  showing->add_option("id", o->id, "Its number")->required();
  showing->callback(does(show));
  auto* watching = task->add_subcommand("watch", "Wait until it is done");
  watching->add_option("id", o->id, "Its number")->required();
  watching->callback(does(watch));
}

}  // namespace yz::cli
