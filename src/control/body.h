#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/problem.h"
#include "model/problem.h"

namespace yz::control {

/// Reads a small body field by field, collecting every problem with its JSON pointer. For bodies that are no resource
/// of the model.
class BodyReader final {
 public:
  /// Every member that is not in `known` is a problem.
  BodyReader(const nlohmann::json& body, std::initializer_list<std::string_view> known);

  /// The member as a string, or none; a problem when it is of another type, or missing and `required`.
  std::optional<std::string> text(std::string_view name, bool required = false);
  std::optional<std::uint64_t> number(std::string_view name, bool required = false);
  std::optional<bool> boolean(std::string_view name, bool required = false);
  /// Seconds as a number or "5m"; more than zero and at most `longest`.
  std::optional<std::chrono::milliseconds> duration(std::string_view name, std::chrono::milliseconds longest);
  /// One of `choices`.
  std::optional<std::string> choice(std::string_view name, std::initializer_list<std::string_view> choices,
                                    bool required = false);
  /// An array of at most `limit` non-empty strings; empty when missing.
  std::vector<std::string> texts(std::string_view name, std::size_t limit);

  void wrong(std::string pointer, std::string message) {
    problems_.push_back({std::move(pointer), std::move(message)});
  }
  [[nodiscard]] bool ok() const { return problems_.empty(); }
  /// 422 with all problems.
  [[nodiscard]] Problem problem() const { return unprocessable(problems_); }

 private:
  const nlohmann::json* find(std::string_view name, bool required);

  const nlohmann::json& body_;
  model::Problems problems_;
};

}  // namespace yz::control
