#include <gtest/gtest.h>

#include "edge/upstream/testing.h"

namespace yz::edge::testing {
namespace {

TEST_F(Origins, ABackupServesWhileThePrimaryIsDownAndNoLonger) {
  FakeOrigin primary([](Exchange& exchange) { return answer_with(exchange, 200, "primary"); });
  FakeOrigin backup([](Exchange& exchange) { return answer_with(exchange, 200, "backup"); });
  add(primary.endpoint());
  add(backup.endpoint(), true);
  start();
  EXPECT_EQ(get("/").body, "primary");
  primary.stop();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(get("/" + std::to_string(i)).body, "backup");
  EXPECT_EQ(state_of(primary.endpoint()), 1);
  primary.restart();
  EXPECT_TRUE(eventually([&] { return get("/").body == "primary" && state_of(primary.endpoint()) == 0; }));
}

TEST_F(Origins, AHerdOntoADeadOriginIsTurnedAwayAtOnce) {
  std::atomic<int> asked{0};
  FakeOrigin broken([&](Exchange& exchange) -> io::Task<void> {
    ++asked;
    exchange.abort();
    co_return;
  });
  add(broken.endpoint());
  group_.open_time = 20s;
  start(2);
  Reply last;
  for (int i = 0; i < 5; ++i) last = get("/warm" + std::to_string(i));
  EXPECT_EQ(last.status, 503);
  EXPECT_TRUE(says(last, "out")) << last.head;
  EXPECT_EQ(last.field("Retry-After"), "1");
  for (const Reply& reply : get_at_once("/herd", 50)) EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(asked, static_cast<int>(group_.fall));
}

TEST_F(Origins, NoMoreRequestsThanAllowedAreAtAnOriginAndOthersWaitTheirTurn) {
  std::atomic<int> inside{0}, most{0};
  std::atomic<bool> may_answer{false};
  FakeOrigin slow([&](Exchange& exchange) -> io::Task<void> {
    const int now = ++inside;
    if (now > most) most = now;
    while (!may_answer) co_await io::sleep_for(1ms);
    co_await answer_with(exchange, 200, "slow");
    --inside;
  });
  add(slow.endpoint());
  group_.max_connections = 2;
  group_.max_queued = 3;
  start(2);
  std::thread release([&] {
    EXPECT_TRUE(eventually([&] { return metric("yz_edge_upstream_queued{") == 3 && inside == 2; }));
    // The last of eight has come when it was turned away.
    EXPECT_TRUE(eventually([&] { return metric("yz_edge_upstream_failures_total{reason=\"queue-full\"") == 3; }));
    may_answer = true;
  });
  int served = 0, refused = 0;
  for (const Reply& reply : get_at_once("/q", 8)) {
    served += reply.status == 200 ? 1 : 0;
    refused += reply.status == 503 && says(reply, "queue-full") && reply.field("Retry-After") == "1" ? 1 : 0;
  }
  release.join();
  EXPECT_EQ(served, 5);
  EXPECT_EQ(refused, 3);
  EXPECT_EQ(most, 2);
  EXPECT_EQ(state_of(slow.endpoint()), 0) << "our own bounds say nothing about the origin";
}

TEST_F(Origins, WaitingForAConnectionEnds) {
  std::atomic<bool> may_answer{false};
  FakeOrigin slow([&](Exchange& exchange) -> io::Task<void> {
    while (!may_answer) co_await io::sleep_for(1ms);
    co_await answer_with(exchange, 200, "slow");
  });
  add(slow.endpoint());
  group_.max_connections = 1;
  group_.queue_timeout = 20ms;
  start();
  std::thread first([&] { EXPECT_EQ(get("/first").status, 200); });
  EXPECT_TRUE(eventually([&] { return slow.count("GET /first") == 1; }));
  const Reply second = get("/second");
  EXPECT_EQ(second.status, 503);
  EXPECT_TRUE(says(second, "queue-timeout")) << second.head;
  may_answer = true;
  first.join();
}

TEST_F(Origins, AnOriginThatSaysItCannotIsFollowedByOneThatCan) {
  FakeOrigin poor([](Exchange& exchange) { return answer_with(exchange, 503, "poor"); });
  FakeOrigin good([](Exchange& exchange) { return answer_with(exchange, 200, "good"); });
  add(poor.endpoint());
  add(good.endpoint(), true);
  start();
  EXPECT_EQ(get("/").body, "good");
  EXPECT_EQ(get("/", "POST", "x").body, "poor") << "what may have had its effect is not repeated";
}

TEST_F(Origins, RetriesStopWhenTheirBudgetIsSpent) {
  std::atomic<int> asked{0};
  const auto break_off = [&](Exchange& exchange) -> io::Task<void> {
    ++asked;
    exchange.abort();
    co_return;
  };
  FakeOrigin a(break_off), b(break_off);
  add(a.endpoint());
  add(b.endpoint());
  group_.retry_percent = 0;
  group_.fall = 100;  // the breakers stay out of it
  start();
  constexpr int kRequests = 40;
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(get("/" + std::to_string(i)).status, 502);
  EXPECT_GE(asked, kRequests + RetryBudget::kMost);
  EXPECT_LE(asked, kRequests + RetryBudget::kMost + 10) << "one more a second";
}

TEST_F(Origins, ARequestThatIsNotIdempotentIsSentOnce) {
  std::atomic<int> asked{0};
  const auto refuse_after_reading = [&](Exchange& exchange) -> io::Task<void> {
    (void)co_await exchange.read_body_all(1000);
    ++asked;
    exchange.abort();
  };
  FakeOrigin a(refuse_after_reading), b(refuse_after_reading);
  add(a.endpoint());
  add(b.endpoint());
  start();
  const Reply posted = get("/", "POST", "pay once");
  EXPECT_EQ(posted.status, 502);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(get("/").status, 502);
  EXPECT_EQ(asked, 3) << "a GET may be asked of both";
}

TEST_F(Origins, AnUploadMeetsAnotherOriginWhenTheFirstRefusesToConnect) {
  FakeOrigin dead([](Exchange& exchange) { return answer_with(exchange, 200, "dead"); });
  FakeOrigin good([](Exchange& exchange) -> io::Task<void> {
    const auto body = co_await exchange.read_body_all(1000);
    co_await answer_with(exchange, 200, "got " + body.value_or("nothing"));
  });
  add(dead.endpoint());
  add(good.endpoint(), true);
  start();
  dead.stop();
  EXPECT_EQ(get("/", "POST", "everything").body, "got everything");
}

TEST_F(Origins, AnOriginTooSlowIsToldFromOneThatIsGone) {
  FakeOrigin slow([](Exchange& exchange) -> io::Task<void> {
    co_await io::sleep_for(300ms);
    co_await answer_with(exchange, 200, "late");
  });
  add(slow.endpoint());
  group_.first_byte_timeout = 30ms;
  start();
  const Reply late = get("/");
  EXPECT_EQ(late.status, 504);
  EXPECT_TRUE(says(late, "timeout")) << late.head;
  slow.stop();
  const Reply gone = get("/other");
  EXPECT_EQ(gone.status, 502);
  EXPECT_TRUE(says(gone, "connect-refused")) << gone.head;
}

TEST_F(Origins, HealthChecksTakeAnOriginOutBeforeViewersMeetIt) {
  std::atomic<bool> is_healthy{false};
  FakeOrigin primary([&](Exchange& exchange) -> io::Task<void> {
    const bool is_check = exchange.request().path == "/healthz";
    co_await answer_with(exchange, is_check && !is_healthy ? 500 : 200, "primary");
  });
  FakeOrigin backup([](Exchange& exchange) { return answer_with(exchange, 200, "backup"); });
  add(primary.endpoint());
  add(backup.endpoint(), true);
  group_.health_path = "/healthz";
  group_.health_interval = 1s;
  group_.fall = 1;
  group_.rise = 1;
  group_.open_time = 30s;
  start();
  EXPECT_TRUE(eventually([&] { return state_of(primary.endpoint()) == 1; }));
  EXPECT_EQ(get("/").body, "backup");
  EXPECT_EQ(primary.count("GET /"), 0);
  is_healthy = true;
  EXPECT_TRUE(eventually([&] { return state_of(primary.endpoint()) == 0; }));
  EXPECT_EQ(get("/").body, "primary");
}

TEST_F(Origins, FieldsAreSetAndRemovedOnTheWay) {
  FakeOrigin origin([](Exchange& exchange) { return answer_with(exchange, 200, "x"); });
  add(origin.endpoint());
  group_.set_headers = {{"X-Cdn", "yizhan"}, {"User-Agent", "edge"}};
  group_.remove_headers = {"cookie"};
  start();
  (void)ask(edge_->listening()[0], "GET", "/", "Cookie: a=b\r\nUser-Agent: curl\r\n", "www.a.com");
  EXPECT_EQ(origin.last_field("X-Cdn"), "yizhan");
  EXPECT_EQ(origin.last_field("User-Agent"), "edge");
  EXPECT_EQ(origin.last_field("Cookie"), "");
}

TEST_F(Origins, ANewConfigurationForgetsNothingOfWhoIsDown) {
  FakeOrigin primary([](Exchange& exchange) { return answer_with(exchange, 200, "primary"); });
  FakeOrigin backup([](Exchange& exchange) { return answer_with(exchange, 200, "backup"); });
  add(primary.endpoint());
  add(backup.endpoint(), true);
  group_.open_time = 20s;
  start();
  primary.stop();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(get("/" + std::to_string(i)).body, "backup");
  EXPECT_EQ(state_of(primary.endpoint()), 1);
  group_.name = "renamed";
  config_.put(group_, {2});
  ASSERT_TRUE(edge_->apply_snapshot(model::encode(config_)));
  EXPECT_EQ(state_of(primary.endpoint()), 1);
}

}  // namespace
}  // namespace yz::edge::testing
