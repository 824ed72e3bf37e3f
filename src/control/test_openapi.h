#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace yz::control::test {

/// One operation of api/openapi.yaml.
struct Operation {
  std::string method;
  std::string path;  ///< "/api/v1/domains/{id}"
  std::string permission;
  nlohmann::json description;
};

/// api/openapi.yaml as it is written.
nlohmann::json openapi();

/// Every operation of a description.
std::vector<Operation> operations_of(const nlohmann::json& openapi);

/// A concrete path of a pattern.
std::string fill_path(std::string path, std::string_view id);

}  // namespace yz::control::test
