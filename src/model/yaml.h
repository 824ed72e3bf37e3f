#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "model/problem.h"

namespace yz::model {

/// A YAML 1.2 text as JSON, with the line of every value, so that problems found in the JSON are reported as file:line.
class YamlDocument {
 public:
  /// Fails with kInvalid: "file:line: what". Anchors that multiply a document beyond 1,000,000 values are refused.
  [[nodiscard]] static Result<YamlDocument> parse(std::string_view text, std::string_view file_name);

  YamlDocument(YamlDocument&&) noexcept;
  YamlDocument& operator=(YamlDocument&&) noexcept;
  ~YamlDocument();

  [[nodiscard]] const nlohmann::json& json() const { return *json_; }
  /// "file:line" of the value at `pointer`, or of the nearest value above it that exists.
  [[nodiscard]] std::string where(std::string_view pointer) const;
  /// kInvalid: one "file:line: pointer: message" per problem, one a line.
  [[nodiscard]] Error to_error(const Problems& problems) const;

 private:
  YamlDocument();
  std::unique_ptr<nlohmann::json> json_;
  std::string file_name_;
  std::map<std::string, int, std::less<>> lines_;  ///< by JSON pointer, from 1
};

}  // namespace yz::model
