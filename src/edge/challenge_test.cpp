#include <gtest/gtest.h>

#include "base/file.h"
#include "edge/testing.h"
#include "model/codec.h"
#include "model/sample_snapshot.h"

namespace yz::edge::testing {
namespace {

/// An edge of the sample cluster, whose domain sends plain HTTP to https and redirects viewers to their own nodes.
class ChallengeTest : public ::testing::Test {
 protected:
  ChallengeTest()
      : origin_([](net::Exchange& exchange) -> io::Task<void> {
          (void)co_await exchange.respond_text(200, "text/plain", "of the origin");
        }) {
    model::OriginGroup origins = *config_.origin_groups.find({1});
    origins.origins = {{to_string(origin_.endpoint().address), origin_.endpoint().port, 1, false, false}};
    config_.put(origins, {1});
    model::Domain domain = *config_.domains.find({1});
    domain.correction = true;
    config_.put(domain, {1});
    Options options;
    options.listen = {net::testing::kAnyLoopback};
    options.node = {1};
    options.memory = mib(32);
    options.workers = 1;
    edge_ = start_edge(std::move(options));
    apply();
    edge_->set_ready(true);
  }
  void apply() {
    const auto applied = edge_->apply_snapshot(model::encode(config_));
    ASSERT_TRUE(applied) << applied.error().message;
  }
  Reply get(std::string_view path, std::string_view host) { return ask(edge_->listening()[0], "GET", path, "", host); }

  FakeOrigin origin_;
  model::ConfigSnapshot config_ = model::sample_snapshot();
  std::unique_ptr<EdgeServer> edge_;
};

TEST_F(ChallengeTest, IsAnsweredAheadOfEveryRule) {
  const Reply reply = get("/.well-known/acme-challenge/tok", "WWW.a.com");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "tok.thumbprint");
  EXPECT_EQ(reply.field("Cache-Control"), "no-store");
  EXPECT_EQ(origin_.count("GET /.well-known/acme-challenge/tok"), 0);
}

TEST_F(ChallengeTest, IsAnsweredForAHostThatIsNotServedYet) {
  model::Challenge other = *config_.challenges.find({1});
  other.id = {2}, other.name = "order/2/next", other.host = "new.b.com", other.token = "next", other.value = "next.t";
  config_.put(other, {2});
  apply();
  EXPECT_EQ(get("/.well-known/acme-challenge/next", "new.b.com").body, "next.t");
  EXPECT_EQ(get("/.well-known/acme-challenge/tok", "www.a.com").body, "tok.thumbprint");
}

TEST_F(ChallengeTest, BelongsToItsHostAndItsTokenAlone) {
  EXPECT_EQ(get("/.well-known/acme-challenge/tok", "new.b.com").status, 404);
  EXPECT_NE(get("/.well-known/acme-challenge/tok2", "www.a.com").body, "tok.thumbprint");
  EXPECT_NE(get("/.well-known/acme-challenge/", "www.a.com").body, "tok.thumbprint");
}

TEST_F(ChallengeTest, EndsWithItsRemovalAndLeavesNoCopyBehind) {
  EXPECT_EQ(get("/.well-known/acme-challenge/tok", "www.a.com").body, "tok.thumbprint");
  config_.remove({model::ResourceKind::kChallenge, 1}, {2});
  apply();
  EXPECT_NE(get("/.well-known/acme-challenge/tok", "www.a.com").body, "tok.thumbprint");
}

}  // namespace
}  // namespace yz::edge::testing
