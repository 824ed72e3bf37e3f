#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace yz::cli {

/// A refresh or prefetch for people: its state, how far each node is and, when it is not complete, who is missing.
[[nodiscard]] std::string task_text(const nlohmann::json& task);
/// One line of it.
[[nodiscard]] std::string task_line(const nlohmann::json& task);

}  // namespace yz::cli
