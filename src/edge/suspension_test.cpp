// What a cap does at an edge: viewers of a suspended domain are refused, running answers are cut, and long answers are
// counted while they run.

#include <gtest/gtest.h>

#include "base/file.h"
#include "edge/testing.h"
#include "model/codec.h"
#include "model/sample_snapshot.h"

namespace yz::edge::testing {
namespace {

/// An edge of the sample cluster whose origin sends "/slow" for as long as somebody reads it.
class SuspensionTest : public ::testing::Test {
 protected:
  SuspensionTest()
      : origin_([this](net::Exchange& exchange) -> io::Task<void> {
          if (exchange.request().path != "/slow") {
            http::HeaderMap fields{{"Cache-Control", "max-age=600"}};
            (void)co_await exchange.respond(200, std::move(fields), "of the origin");
            co_return;
          }
          exchange.begin(200, {{"Cache-Control", "no-store"}}, {});
          const std::string piece(10'000, 'x');
          while (!is_over_) {
            if (!co_await exchange.send(piece)) co_return;
            co_await io::sleep_for(std::chrono::milliseconds(20));
          }
          (void)co_await exchange.finish();
        }) {
    config_.remove({model::ResourceKind::kSuspension, 1}, {1});
    model::OriginGroup origins = *config_.origin_groups.find({1});
    origins.origins = {{to_string(origin_.endpoint().address), origin_.endpoint().port, 1, false, false}};
    config_.put(origins, {1});
    Options options;
    options.listen = {net::testing::kAnyLoopback};
    options.node = {1};
    options.memory = mib(32);
    options.workers = 1;
    options.state = folder_.path();
    edge_ = start_edge(std::move(options));
    apply();
    edge_->set_ready(true);
  }
  void apply() {
    const auto applied = edge_->apply_snapshot(model::encode(config_));
    ASSERT_TRUE(applied) << applied.error().message;
  }
  void suspend(model::DomainId domain, std::chrono::seconds length) {
    model::Suspension one;
    one.id = {7}, one.tenant = {1}, one.name = "cap/7", one.domain = domain;
    one.until = SystemClock::instance().wall() + length;
    config_.put(one, {2});
    apply();
  }
  void release() {
    config_.remove({model::ResourceKind::kSuspension, 7}, {3});
    apply();
  }
  Reply get(std::string_view path) { return ask(edge_->listening()[0], "GET", path, "", "www.a.com"); }
  /// What is in the batches that an agent would ship: the edge makes one each second.
  model::UsageCounts spooled() {
    model::UsageCounts sum;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (file.path().extension() != ".usage") continue;
      const auto batch = model::decode_usage_batch(*read_file(file.path(), 1 << 20));
      EXPECT_TRUE(batch);
      for (const model::UsageRecord& record : batch->records) sum += record.counts;
    }
    return sum;
  }

  TempFolder folder_{"yz-suspension"};
  std::atomic<bool> is_over_{false};
  FakeOrigin origin_;
  model::ConfigSnapshot config_ = model::sample_snapshot();
  std::unique_ptr<EdgeServer> edge_;
};

TEST_F(SuspensionTest, RefusesViewersUntilItGoes) {
  EXPECT_EQ(get("/").status, 200);
  for (const model::DomainId domain : {model::DomainId{1}, model::DomainId{}}) {
    suspend(domain, std::chrono::seconds(90));
    const Reply refused = get("/");
    EXPECT_EQ(refused.status, 503);
    const int after = std::stoi(refused.field("Retry-After"));
    EXPECT_GE(after, 60);
    EXPECT_LE(after, 90);
    EXPECT_EQ(refused.field("Cache-Control"), "no-store");
    release();
    EXPECT_EQ(get("/").status, 200) << "and what was stored is served";
  }
  EXPECT_EQ(origin_.count("GET /"), 1);
  EXPECT_EQ(edge_->counters().suspended.value(), 2U);
}

TEST_F(SuspensionTest, LeavesOtherDomainsAndCertificateAuthoritiesAlone) {
  suspend(model::DomainId{2}, std::chrono::seconds(90));
  EXPECT_EQ(get("/").status, 200);
  suspend(model::DomainId{1}, std::chrono::seconds(-5));
  const Reply refused = get("/");
  EXPECT_EQ(refused.status, 503) << "it holds until control takes it out";
  EXPECT_EQ(refused.field("Retry-After"), "1");
  EXPECT_EQ(get("/.well-known/acme-challenge/tok").body, "tok.thumbprint");
}

TEST_F(SuspensionTest, RefusedRequestsAreOnNobodysBill) {
  suspend(model::DomainId{1}, std::chrono::seconds(90));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get("/").status, 503);
  release();
  EXPECT_EQ(get("/").status, 200);
  EXPECT_TRUE(eventually([&] { return spooled().requests == 1; }));
}

TEST_F(SuspensionTest, ALongAnswerIsCountedWhileItRunsAndToTheByteAtItsEnd) {
  Reply reply;
  std::thread viewer([&] { reply = get("/slow"); });
  EXPECT_TRUE(eventually([&] { return spooled().bytes_out > 20'000; }));
  EXPECT_EQ(spooled().requests, 0U) << "it has not ended";
  is_over_ = true;
  viewer.join();
  EXPECT_TRUE(eventually([&] { return spooled().requests == 1; }));
  const model::UsageCounts counted = spooled();
  // The head with its empty line, and chunks: "2710\r\n", 10,000 bytes, "\r\n", then "0\r\n\r\n".
  const std::uint64_t chunks = reply.body.size() / 10'000;
  EXPECT_EQ(reply.body.size() % 10'000, 0U);
  EXPECT_GT(chunks, 2U);
  EXPECT_GE(counted.bytes_out, reply.head.size() + 2 + reply.body.size());
  EXPECT_LE(counted.bytes_out, reply.head.size() + 2 + reply.body.size() + 16 * (chunks + 1));
  EXPECT_GE(counted.origin_bytes, reply.body.size());
  EXPECT_EQ(edge_->counters().bytes_out(), counted.bytes_out);
}

TEST_F(SuspensionTest, ARunningAnswerIsCutAndIsSeenNotToBeWhole) {
  Reply reply;
  std::thread viewer([&] { reply = get("/slow"); });
  EXPECT_TRUE(eventually([&] { return spooled().bytes_out > 10'000; }));
  suspend(model::DomainId{1}, std::chrono::seconds(90));
  viewer.join();
  EXPECT_EQ(reply.status, 200);
  EXPECT_FALSE(is_over_);
  EXPECT_TRUE(eventually([&] { return spooled().requests == 1; }));
}

}  // namespace
}  // namespace yz::edge::testing
