#include "control/test_openapi.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/yaml.h"

namespace yz::control::test {

nlohmann::json openapi() {
  const auto text = read_file(YZ_OPENAPI);
  EXPECT_TRUE(text);
  const auto document = model::YamlDocument::parse(*text, YZ_OPENAPI);
  EXPECT_TRUE(document) << document.error().message;
  return document->json();
}

std::vector<Operation> operations_of(const nlohmann::json& openapi) {
  std::vector<Operation> out;
  for (const auto& [path, item] : openapi["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method == "parameters") continue;
      std::string upper;
      for (const char c : method) upper.push_back(static_cast<char>(c - 32));
      out.push_back({upper, path, operation.value("x-permission", ""), operation});
    }
  }
  return out;
}

std::string fill_path(std::string path, std::string_view id) {
  for (const std::string_view name : {"{id}", "{seq}"}) {
    if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), id);
  }
  return path;
}

}  // namespace yz::control::test
