#include "billing/pdf.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::billing {
namespace {

using nlohmann::json;

json statement_of(int lines) {
  json out{
      {"month", "2026-11"}, {"currency", "CNY"}, {"total", "12.00"}, {"usage_hash", "ab"}, {"lines", json::array()}};
  for (int i = 0; i < lines; ++i) {
    out["lines"].push_back({{"label", "Traffic (a\\b)"}, {"amount", "1.00"}, {"notes", json::array({"a note"})}});
  }
  return out;
}

TEST(Pdf, TheTableSaysWhereEveryObjectBegins) {
  const std::string file = to_pdf(statement_of(3), "tenant 1");
  EXPECT_TRUE(file.starts_with("%PDF-1.4\n"));
  EXPECT_TRUE(file.ends_with("%%EOF\n"));
  const std::size_t table = std::stoul(file.substr(file.rfind("startxref\n") + 10));
  ASSERT_EQ(file.substr(table, 7), "xref\n0 ");
  const auto count = std::stoul(file.substr(table + 7));
  std::size_t line = file.find('\n', table + 5) + 1;
  for (std::size_t object = 0; object < count; ++object, line += 20) {
    if (object == 0) continue;
    const std::size_t offset = std::stoul(file.substr(line, 10));
    const std::string head = std::to_string(object) + " 0 obj\n";
    EXPECT_EQ(file.substr(offset, head.size()), head);
  }
  EXPECT_EQ(file.substr(line, 7), "trailer");
}

TEST(Pdf, TextIsEscapedAndOtherScriptsHaveTheirFont) {
  json document = statement_of(1);
  document["lines"][0]["label"] = "\xe6\xb5\x81\xe9\x87\x8f (cn)";  // 流量
  const std::string file = to_pdf(document, "a\xff\nb");
  EXPECT_NE(file.find("<6D4191CF> Tj /F1 9 Tf ( \\(cn\\)) Tj"), std::string::npos);
  EXPECT_NE(file.find("(a??b) Tj"), std::string::npos);
}

TEST(Pdf, LongStatementsHaveSeveralPages) {
  const std::string file = to_pdf(statement_of(100), "tenant 1");
  EXPECT_NE(file.find("/Count 4 "), std::string::npos) << file.substr(0, 300);
  EXPECT_EQ(file, to_pdf(statement_of(100), "tenant 1"));
}

}  // namespace
}  // namespace yz::billing
