// What viewers ask for most, over the API, out of the lines that nodes delivered.

#include <gtest/gtest.h>

#include "control/logs/test_logs.h"

namespace yz::control {
namespace {

using nlohmann::json;

class TopApi : public test::LogsTest {
 protected:
  std::string line(std::string_view target, int status, std::uint64_t bytes, std::string_view referer = "") {
    model::AccessRecord record;
    record.ended = model::start_of_hour(hour());
    record.client = *IpAddress::parse("192.0.2.7");
    record.status = static_cast<std::uint16_t>(status);
    record.bytes_out = bytes;
    record.method = "GET", record.host = "www.a.com", record.target = target, record.referer = referer;
    std::string out;
    model::append_line(out, record, {1});
    return out;
  }
  test::Response ask(const std::string& question, const std::string& token = "operator") {
    return control_.call("GET", "/api/v1/domains/" + std::to_string(world_.domain) + "/top?" + question, "", {}, token);
  }
  /// "value requests bytes" of each.
  std::vector<std::string> top(const std::string& question) {
    const auto answer = ask(question);
    EXPECT_EQ(answer.status, 200) << answer.body;
    const json document = answer.json();
    std::vector<std::string> out;
    for (const json& item : document["items"]) {
      out.push_back(item["value"].get<std::string>() + " " + item["requests"].dump() + " " + item["bytes"].dump());
    }
    return out;
  }
};

TEST_F(TopApi, CountsLinesOfAllBatchesByEachFacet) {
  ship(1, {{world_.domain, line("/a?x=1", 200, 10, "https://www.b.com/page") + line("/a?x=2", 200, 20) +
                               line("/big", 200, 5'000, "https://u@www.b.com:8443?q")},
           {world_.domain + 1, line("/other", 200, 1)}});
  ASSERT_TRUE(acknowledged(1));
  ship(2, {{world_.domain, line("/gone", 404, 7, "no url") + line("/a", 404, 7)}});
  ASSERT_TRUE(acknowledged(2));
  using Lines = std::vector<std::string>;
  EXPECT_EQ(top(""), (Lines{"/a 3 37", "/big 1 5000", "/gone 1 7"}));
  EXPECT_EQ(top("by=bytes"), (Lines{"/big 1 5000", "/a 3 37", "/gone 1 7"}));
  EXPECT_EQ(top("status=4xx"), (Lines{"/a 1 7", "/gone 1 7"}));
  EXPECT_EQ(top("what=referer"), (Lines{"- 2 27", "no url 1 7", "www.b.com 1 10", "www.b.com:8443 1 5000"}));
  EXPECT_EQ(top("what=status"), (Lines{"200 3 5030", "404 2 14"}));
  EXPECT_EQ(top("what=client&limit=1"), (Lines{"192.0.2.7 5 5044"}));
  const json all = ask("").json();
  EXPECT_EQ(all["requests"], 5);
  EXPECT_EQ(all["bytes"], 5'044);
  EXPECT_FALSE(all["items"][0].contains("error"));
  const std::string later = format_rfc3339(model::start_of_hour(hour() + 1));
  EXPECT_TRUE(top("from=" + later).empty());
}

TEST_F(TopApi, ReadsLinesThatPassItsBuffersAndLeavesOutWhatIsNoLine) {
  std::string text = "no line\n";
  for (int i = 0; i < 20'000; ++i) text += line("/" + std::string(20 + i % 50, 'x'), 200, 1);
  ship(1, {{world_.domain, text}});
  ASSERT_TRUE(acknowledged(1));
  const json all = ask("limit=100").json();
  EXPECT_EQ(all["requests"], 20'000);
  ASSERT_EQ(all["items"].size(), 50U);
  EXPECT_EQ(all["items"][0]["requests"], 400);
}

TEST_F(TopApi, IsTheTenantsOwnAndSaysWhatIsWrong) {
  const auto other = control_.create("tenants", {{"name", "other"}});
  EXPECT_EQ(ask("", control_.tenant_token(other)).status, 404);
  EXPECT_EQ(ask("", control_.tenant_token(world_.tenant)).status, 200);
  for (const char* wrong :
       {"what=color", "by=size", "status=404", "limit=0", "limit=101", "from=yesterday",
        "from=2026-01-01T00:00:00Z&to=2026-01-09T00:00:00Z", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"}) {
    EXPECT_EQ(ask(wrong).status, 400) << wrong;
  }
}

}  // namespace
}  // namespace yz::control
