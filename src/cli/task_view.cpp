#include "cli/task_view.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/table.h"

namespace yz::cli {

using nlohmann::json;

std::string task_line(const json& task) {
  const json progress = task.value("progress", json::object());
  return fmt::format("task {}: {} {}, {} of {} nodes", task.value("id", 0), task.value("kind", ""),
                     task.value("state", ""), progress.value("done", 0), progress.value("total", 0));
}

std::string task_text(const json& task) {
  std::string out = task_line(task) + "\n";
  Table table({"node", "state", "after", "why"});
  for (const json& node : task.value("nodes", json::array())) {
    const double after = node.value("after_ms", -1.0);
    table.add({node.value("name", std::to_string(node.value("node", 0))), node.value("state", ""),
               after < 0 ? "-" : human_ms(after), node.value("message", "")});
  }
  if (!table.empty()) out += table.text();
  for (const json& target : task.value("targets", json::array())) {
    if (target.contains("error")) out += fmt::format("{}: {}\n", target.value("value", ""), target.value("error", ""));
  }
  return out;
}

}  // namespace yz::cli
