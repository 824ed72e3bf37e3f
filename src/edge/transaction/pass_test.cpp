#include <future>

#include "edge/testing.h"

namespace yz::edge::testing {
namespace {

using net::Exchange;

/// Answers that may not be stored as long as `is_private`; each has its number for a body.
class FickleOrigin {
 public:
  std::atomic<bool> is_private{true};
  std::atomic<bool> may_answer{true};
  std::atomic<int> asked{0};
  FakeOrigin origin{[this](Exchange& exchange) -> io::Task<void> {
    const std::string number = std::to_string(++asked);
    http::HeaderMap headers{{"Cache-Control", is_private ? "no-store" : "max-age=60"}};
    while (!may_answer) co_await io::sleep_for(std::chrono::milliseconds(1));
    (void)co_await exchange.respond(200, std::move(headers), number);
  }};
};

class Pass : public ::testing::TestWithParam<http::Profile> {
 protected:
  std::string body(std::string_view fields = "") { return ask(edge_->listening()[0], "GET", "/a", fields).body; }

  FickleOrigin fickle_;
  std::unique_ptr<EdgeServer> edge_ = start_edge(fickle_.origin.endpoint(), GetParam());
};

TEST_P(Pass, AnAnswerThatCanBeSharedAgainIsStoredThoughTheOnesBeforeCouldNot) {
  EXPECT_EQ(body(), "1");
  EXPECT_EQ(body(), "2");
  fickle_.is_private = false;
  const Reply third = ask(edge_->listening()[0], "GET", "/a");
  EXPECT_EQ(third.body, "3");
  EXPECT_NE(third.field("Cache-Status").find("; stored"), std::string::npos) << third.head;
  EXPECT_EQ(body(), "3");
  EXPECT_EQ(fickle_.asked, 3);
}

TEST_P(Pass, SaysWhyNothingIsStored) {
  for (int i = 0; i < 2; ++i) {
    const Reply reply = ask(edge_->listening()[0], "GET", "/a");
    EXPECT_NE(reply.field("Cache-Status").find("; detail=no-store"), std::string::npos) << reply.head;
  }
}

TEST_P(Pass, WhatAnswersAConditionIsStoredOnlyWhereItWasAskedForWithoutOne) {
  EXPECT_EQ(body(), "1");
  fickle_.is_private = false;
  EXPECT_EQ(body("If-None-Match: \"x\"\r\n"), "2");
  EXPECT_EQ(fickle_.origin.last_field("If-None-Match").empty(), GetParam() == http::Profile::kRfc);
  EXPECT_EQ(body(), GetParam() == http::Profile::kRfc ? "2" : "3");
}

TEST_P(Pass, APurgeWhileItIsAskedForKeepsItsAnswerOutOfTheStore) {
  EXPECT_EQ(body(), "1");
  fickle_.is_private = false;
  fickle_.may_answer = false;
  auto overtaken = std::async(std::launch::async, [&] { return body(); });
  ASSERT_TRUE(eventually([&] { return fickle_.asked == 2; }));
  ASSERT_TRUE(edge_->purge_locally(model::PurgeKind::kUrl, "a.test", "/a", true));
  fickle_.may_answer = true;
  EXPECT_EQ(overtaken.get(), "2");
  EXPECT_EQ(body(), "3");
  EXPECT_EQ(body(), "3");
}

TEST_P(Pass, AnUnsafeRequestWhileItIsAskedForDoesTheSame) {
  EXPECT_EQ(body(), "1");
  fickle_.is_private = false;
  fickle_.may_answer = false;
  auto overtaken = std::async(std::launch::async, [&] { return body(); });
  ASSERT_TRUE(eventually([&] { return fickle_.asked == 2; }));
  auto change = std::async(std::launch::async, [&] { return ask(edge_->listening()[0], "DELETE", "/a").status; });
  ASSERT_TRUE(eventually([&] { return fickle_.asked == 3; }));
  fickle_.may_answer = true;
  EXPECT_EQ(change.get(), 200);
  EXPECT_EQ(overtaken.get(), "2");
  EXPECT_EQ(body(), "4");
  EXPECT_EQ(body(), "4");
}

INSTANTIATE_TEST_SUITE_P(Profiles, Pass, ::testing::Values(http::Profile::kRfc, http::Profile::kSafe),
                         [](const auto& info) { return info.param == http::Profile::kRfc ? "rfc" : "safe"; });

}  // namespace
}  // namespace yz::edge::testing
