#include "model/yaml.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::model {
namespace {

TEST(Yaml, ReadsScalarsByTheCoreSchema) {
  const auto doc = YamlDocument::parse(
      "a: 1\nb: -2\nc: true\nd: text\ne: \"1\"\nf: 0.5\ng: ~\nh: 127.0.0.1\ni: no\nj: [x, 2]\n", "f");
  ASSERT_TRUE(doc) << doc.error().message;
  EXPECT_EQ(doc->json().dump(),
            R"({"a":1,"b":-2,"c":true,"d":"text","e":"1","f":0.5,"g":null,"h":"127.0.0.1","i":"no","j":["x",2]})");
}

TEST(Yaml, ProblemsNameFileAndLine) {
  const auto doc = YamlDocument::parse("settings:\n  cdn_zone: x\nnodes:\n  - name: a\n    port: 5\n", "gslb.yaml");
  ASSERT_TRUE(doc);
  EXPECT_EQ(doc->where("/nodes/0/port"), "gslb.yaml:5");
  EXPECT_EQ(doc->where("/nodes/0/missing/x"), "gslb.yaml:4");
  EXPECT_EQ(doc->to_error({{"/settings/cdn_zone", "bad"}, {"", "worse"}}).message,
            "gslb.yaml:2: /settings/cdn_zone: bad\ngslb.yaml:1: worse");
}

TEST(Yaml, RefusesSyntaxErrorsDuplicatesAndBombs) {
  EXPECT_EQ(YamlDocument::parse("a: [1,\nb", "f").error().message.substr(0, 2), "f:");
  EXPECT_NE(YamlDocument::parse("a: 1\na: 2\n", "f").error().message.find("f:2: field 'a' is given twice"),
            std::string::npos);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_NE(YamlDocument::parse(bomb, "f").error().message.find("too large"), std::string::npos);
}

}  // namespace
}  // namespace yz::model
