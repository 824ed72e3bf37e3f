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
  const bool loads = task.value("kind", "") == "prefetch";
  Table table(loads ? Table({"node", "state", "after", "urls", "why"}) : Table({"node", "state", "after", "why"}));
  for (const json& node : task.value("nodes", json::array())) {
    const double after = node.value("after_ms", -1.0);
    std::vector<std::string> row = {node.value("name", std::to_string(node.value("node", 0))), node.value("state", ""),
                                    after < 0 ? "-" : human_ms(after)};
    if (loads) {
      const auto failed = node.value("urls_failed", 0);
      row.push_back(std::to_string(node.value("urls_done", 0)) +
                    (failed > 0 ? fmt::format(", {} failed", failed) : ""));
    }
    row.push_back(node.value("message", ""));
    table.add(std::move(row));
  }
  if (!table.empty()) out += table.text();
  return out;
}

}  // namespace yz::cli
