#include <map>

#include "base/file.h"
#include "edge/testing_large.h"
#include "io/tcp_stream.h"
#include "model/codec.h"
#include "model/sample_snapshot.h"

namespace yz::edge::testing {
namespace {

constexpr std::uint64_t kSlice = 64 * 1024;

/// One L1 node (1) and two L2 nodes (3, 4) before an origin of a large object.
class SliceTiers : public ::testing::Test {
 protected:
  SliceTiers() : origin_(200 * kSlice + 7) {
    config_ = model::sample_snapshot();
    model::OriginGroup origins = *config_.origin_groups.find({1});
    origins.origins = {{to_string(origin_.endpoint().address), origin_.endpoint().port, 1, false, false}};
    config_.put(origins, {1});
    model::Domain domain = *config_.domains.find({1});
    domain.cache_rules.clear();
    config_.put(domain, {1});
    std::map<std::uint64_t, std::uint16_t> ports;
    for (const std::uint64_t id : {1, 3, 4}) {
      model::Node node = *config_.nodes.find({id});
      node.addresses = {IpAddress::v4(0x7F000001)};
      node.http_port = ports[id] = free_port();
      config_.put(node, {1});
    }
    for (const std::uint64_t id : {1, 3, 4}) start(id, ports[id]);
  }

  static std::uint16_t free_port() {
    io::Reactor reactor;
    auto listener = io::TcpListener::bind(reactor, net::testing::kAnyLoopback);
    return listener ? listener->local().port : 0;
  }
  void start(std::uint64_t id, std::uint16_t port) {
    Options options;
    options.listen = {{IpAddress::v4(0x7F000001), port}};
    options.node = {id};
    options.memory = mib(32);
    options.slice_size = {kSlice};
    options.slice_above = {4 * kSlice};
    auto server = EdgeServer::start(std::move(options));
    ASSERT_TRUE(server) << server.error().message;
    ASSERT_TRUE((*server)->apply_snapshot(model::encode(config_)));
    (*server)->set_ready(true);
    edges_[id] = std::move(*server);
  }
  [[nodiscard]] Reply get(std::string_view fields = "") {
    return ask(edges_[1]->listening()[0], "GET", "/film", fields, "www.a.com");
  }
  void expect_part(std::uint64_t first, std::uint64_t last) {
    const Reply reply = get("Range: bytes=" + std::to_string(first) + "-" + std::to_string(last) + "\r\n");
    EXPECT_EQ(reply.status, 206) << reply.head;
    EXPECT_EQ(reply.body.size(), last - first + 1);
    EXPECT_TRUE(origin_.content().holds(first, reply.body));
  }
  void purge(std::uint64_t id, std::uint64_t seq) {
    const model::PurgeRecord record{{seq}, model::PurgeKind::kUrl, {1}, "/film", true, {}};
    ASSERT_TRUE(edges_[id]->apply_purges(model::encode(std::vector{record})));
  }

  LargeOrigin origin_;
  model::ConfigSnapshot config_;
  std::map<std::uint64_t, std::unique_ptr<EdgeServer>> edges_;
};

TEST_F(SliceTiers, EachTierAsksTheNextForSlicesAndKeepsThem) {
  expect_part(10 * kSlice + 1, 12 * kSlice);
  EXPECT_EQ(origin_.requests(), 1);
  EXPECT_EQ(origin_.bytes_sent(), 3 * kSlice);
  const auto objects = [&](std::uint64_t id) { return edges_[id]->store().stats().objects; };
  // Three slices and a root; the last is stored after its bytes were sent.
  EXPECT_TRUE(eventually([&] { return objects(3) + objects(4) == 4; }));
  EXPECT_TRUE(eventually([&] { return objects(1) == 4; }));
  expect_part(10 * kSlice + 1, 12 * kSlice);
  EXPECT_EQ(origin_.requests(), 1);
}

TEST_F(SliceTiers, TheGroupsOfAHugeFileAreSpreadOverTheSecondTier) {
  for (const std::uint64_t group : {0, 1, 2, 3}) expect_part(group * 64 * kSlice, (group * 64 + 2) * kSlice - 1);
  EXPECT_GT(edges_[3]->store().stats().objects, 2U);
  EXPECT_GT(edges_[4]->store().stats().objects, 2U);
  EXPECT_EQ(origin_.bytes_sent(), 8 * kSlice);
}

TEST_F(SliceTiers, AWholeFilePassesThroughBothTiersOnce) {
  for (int i = 0; i < 2; ++i) {
    const Reply reply = get();
    EXPECT_EQ(reply.status, 200) << reply.head;
    EXPECT_EQ(reply.body.size(), origin_.size());
    EXPECT_TRUE(origin_.content().holds(0, reply.body));
    EXPECT_EQ(reply.is_hit(), i == 1) << reply.head;
  }
  EXPECT_EQ(origin_.bytes_sent(), origin_.size());
}

TEST_F(SliceTiers, APurgeHitsSlicesInWhateverOrderTheTiersLearnOfIt) {
  for (const bool is_l1_first : {true, false}) {
    const std::uint64_t seq = is_l1_first ? 1 : 2;
    expect_part(0, 2 * kSlice - 1);
    origin_.ways.version = static_cast<int>(seq);  // under new tags, too
    if (is_l1_first) {
      purge(1, seq);
      expect_part(0, 2 * kSlice - 1);
    }
    purge(3, seq);
    purge(4, seq);
    if (!is_l1_first) purge(1, seq);
    expect_part(0, 2 * kSlice - 1);
    expect_part(kSlice, 3 * kSlice);
  }
}

TEST_F(SliceTiers, ASecondTierThatDiesIsReplaced) {
  expect_part(0, kSlice - 1);
  edges_.erase(3);
  edges_.erase(4);
  expect_part(70 * kSlice, 71 * kSlice - 1);
  expect_part(0, 3 * kSlice);
}

}  // namespace
}  // namespace yz::edge::testing
