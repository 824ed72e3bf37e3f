#include "sched/decide.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "model/sample_snapshot.h"
#include "sched/explain.h"

namespace yz::sched {
namespace {

using geo::Isp;
using geo::Province;
using model::Health;
using model::NodeId;

const ClientClass kBeijingUnicom{geo::kChina, Province::kBeijing, Isp::kUnicom};
const ClientClass kGuangdongTelecom{geo::kChina, Province::kGuangdong, Isp::kTelecom};

/// A cluster that tests bend: groups and nodes by place, states that say all is well.
struct Cluster {
  model::ConfigSnapshot config = model::sample_snapshot();
  std::vector<model::NodeState> states;
  std::vector<NodeSignal> signals;

  Cluster() {
    for (const auto& [id, entry] : config.nodes) states.push_back({id, true, true, false, {1}, {}, {}, {}});
  }
  void add_group(std::uint64_t id, const char* province, std::vector<std::string> isps, std::size_t nodes) {
    model::NodeGroup g;
    g.id = {id}, g.name = "g" + std::to_string(id), g.place = {"CN", province}, g.isps = std::move(isps);
    config.put(g, {1});
    for (std::size_t i = 0; i < nodes; ++i) {
      model::Node n;
      n.id = {id * 100 + i}, n.name = "n" + std::to_string(n.id.value), n.group = g.id;
      n.addresses = {IpAddress::v4(static_cast<std::uint32_t>(0x0a000000 + n.id.value))};
      config.put(n, {1});
      states.push_back({n.id, true, true, false, {1}, {}, {}, {}});
    }
  }
  model::NodeState& state(std::uint64_t id) {
    return *std::find_if(states.begin(), states.end(), [&](const auto& s) { return s.node.value == id; });
  }
  [[nodiscard]] std::shared_ptr<const SchedView> view() const {
    return SchedView::build(std::make_shared<const model::ConfigSnapshot>(config), states, signals, Unreported::kAway);
  }
  [[nodiscard]] std::vector<std::uint64_t> serving(const ClientClass& c) const {
    std::vector<std::uint64_t> out;
    for (const WeightedNode& n : select(*view(), {1}, c).nodes) out.push_back(n.node.value);
    return out;
  }
};

using Ids = std::vector<std::uint64_t>;

TEST(Decide, TheSameProvinceAndLineServes) {
  const Cluster c;
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{1});
  EXPECT_EQ(c.serving(kGuangdongTelecom), Ids{2});
}

TEST(Decide, TheChainIsSearchedInItsOrder) {
  Cluster c;
  c.config.remove({model::ResourceKind::kNodeGroup, 1}, {1});
  c.config.remove({model::ResourceKind::kNode, 1}, {1});
  const auto serving = [&] { return c.serving(kBeijingUnicom); };
  EXPECT_EQ(serving(), Ids{2});  // country, any line
  c.add_group(20, "CN-BJ", {"mobile"}, 1);
  EXPECT_EQ(serving(), Ids{2000});  // province, any line
  c.add_group(21, "CN-BJ", {"mobile", "telecom"}, 1);
  EXPECT_EQ(serving(), Ids{2100});  // province, several lines
  c.add_group(22, "CN-GD", {"unicom"}, 1);
  EXPECT_EQ(serving(), Ids{2200});  // country, line
  c.add_group(23, "CN-HE", {"unicom"}, 1);
  EXPECT_EQ(serving(), Ids{2300});  // region, line
  c.add_group(24, "CN-BJ", {"unicom"}, 2);
  EXPECT_EQ(serving(), (Ids{2400, 2401}));  // province, line
}

TEST(Decide, TheOrderIsData) {
  Cluster c;
  c.add_group(20, "CN-GD", {"mobile"}, 1);
  c.add_group(21, "CN-BJ", {"mobile"}, 1);
  model::Policy p = *c.config.policies.find({1});
  const ClientClass client{geo::kChina, Province::kBeijing, Isp::kDrpeng};
  p.chain = {model::ChainStep::kCountryAny, model::ChainStep::kDefault};
  c.config.put(p, {1});
  EXPECT_EQ(c.serving(client), (Ids{1, 2, 2000, 2100}));
  p.chain = {model::ChainStep::kDefault};
  c.config.put(p, {1});
  EXPECT_EQ(c.serving(client), Ids{2});
}

TEST(Decide, AViewerOfUnknownPlaceGetsTheDefault) {
  const Cluster c;
  EXPECT_EQ(c.serving({}), Ids{2});
}

TEST(Decide, ARuleComesBeforeTheChain) {
  Cluster c;
  model::Policy p = *c.config.policies.find({1});
  p.rules = {{{"CN", "CN-BJ"}, "unicom", {{2}}}};
  c.config.put(p, {1});
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{2});
}

TEST(Decide, ADeadNodeFallsToTheNextStepWithAShortTtl) {
  Cluster c;
  c.signals = {{{1}, Health::kDown, 1.0, "refused"}};
  const ServingSet set = select(*c.view(), {1}, kBeijingUnicom);
  ASSERT_EQ(set.nodes.size(), 1u);
  EXPECT_EQ(set.nodes[0].node, NodeId{2});
  EXPECT_TRUE(set.degraded);
  EXPECT_FALSE(set.panic);
  EXPECT_EQ(set.ttl, std::chrono::seconds(10));
  EXPECT_EQ(select(*c.view(), {1}, kGuangdongTelecom).ttl, std::chrono::seconds(60));
}

TEST(Decide, ASuspectNodeServesWithAShortTtl) {
  Cluster c;
  c.signals = {{{1}, Health::kSuspect, 1.0, "time-out"}};
  const ServingSet set = select(*c.view(), {1}, kBeijingUnicom);
  EXPECT_EQ(set.nodes[0].node, NodeId{1});
  EXPECT_EQ(set.ttl, std::chrono::seconds(10));
}

TEST(Decide, WhenNearlyAllLookDeadHealthIsIgnored) {
  Cluster c;
  c.signals = {{{1}, Health::kDown, 1.0, ""}, {{2}, Health::kDown, 1.0, ""}};
  const ServingSet set = select(*c.view(), {1}, kBeijingUnicom);
  EXPECT_TRUE(set.panic);
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{1});
}

TEST(Decide, AnOperatorsWordHoldsInAPanic) {
  Cluster c;
  c.signals = {{{1}, Health::kDown, 1.0, ""}, {{2}, Health::kDown, 1.0, ""}};
  model::Node n = *c.config.nodes.find({1});
  n.draining = true;
  c.config.put(n, {1});
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{2});
}

TEST(Barrier, ANodeServesOnlyAfterItAcknowledgedTheDomain) {
  Cluster c;
  model::Domain d = *c.config.domains.find({1});
  d.version = 2;
  c.config.put(d, {7});
  c.state(2).acked_config = {7};
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{2});
  c.state(1).acked_config = {8};
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{1});
}

TEST(Barrier, WhenNoneHasTheNewestVersionOlderOnesGoOn) {
  Cluster c;
  model::Domain d = *c.config.domains.find({1});
  d.version = 2;
  c.config.put(d, {7});
  const ServingSet set = select(*c.view(), {1}, kBeijingUnicom);
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{1});
  EXPECT_EQ(set.unanswered, Unanswered::kNo);
}

TEST(Barrier, AChangedOriginGroupCountsAsANewVersion) {
  Cluster c;
  c.config.put(*c.config.origin_groups.find({1}), {7});
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{1});
  c.state(2).acked_config = {7};
  EXPECT_EQ(c.serving(kBeijingUnicom), Ids{2});
}

TEST(Barrier, ANewDomainNobodyAcknowledgedIsNotAnswered) {
  Cluster c;
  model::Domain d = *c.config.domains.find({1});
  d.id = {2}, d.name = "new.a.com", d.aliases = {}, d.version = 1;
  c.config.put(d, {7});
  const ServingSet set = select(*c.view(), {2}, kBeijingUnicom);
  EXPECT_TRUE(set.nodes.empty());
  EXPECT_EQ(set.unanswered, Unanswered::kNotInForce);
}

TEST(Unanswered, SaysWhy) {
  Cluster c;
  EXPECT_EQ(select(*c.view(), {9}, {}).unanswered, Unanswered::kUnknown);
  model::Domain d = *c.config.domains.find({1});
  d.enabled = false;
  c.config.put(d, {1});
  EXPECT_EQ(select(*c.view(), {1}, {}).unanswered, Unanswered::kDisabled);
  Cluster closed;
  for (auto& s : closed.states) s.draining = true;
  EXPECT_EQ(select(*closed.view(), {1}, {}).unanswered, Unanswered::kNoNodes);
}

TEST(FindBetterNode, NamesTheRightNodeForAMisplacedViewer) {
  const Cluster c;
  EXPECT_EQ(find_better_node(*c.view(), {1}, kBeijingUnicom, 5, {2}), NodeId{1});
  EXPECT_EQ(find_better_node(*c.view(), {1}, kBeijingUnicom, 5, {1}), std::nullopt);
  EXPECT_EQ(find_better_node(*c.view(), {1}, {}, 5, {1}), std::nullopt) << "nothing is known of the viewer";
  EXPECT_EQ(find_better_node(*c.view(), {1}, kBeijingUnicom, 5, {3}), std::nullopt) << "an L2 node";
}

TEST(FindBetterNode, NeverNamesADeadNode) {
  Cluster c;
  c.signals = {{{1}, Health::kDown, 1.0, ""}};
  EXPECT_EQ(find_better_node(*c.view(), {1}, kBeijingUnicom, 5, {2}), std::nullopt);
}

/// Random clusters: what must hold whatever happens.
TEST(Property, NeverEmptyNeverClosedAndAllInterfacesAgree) {
  Random random(11);
  static constexpr const char* kProvinces[] = {"CN-BJ", "CN-GD", "CN-SH", "CN-HE", ""};
  static constexpr const char* kIsps[] = {"telecom", "unicom", "mobile"};
  for (int round = 0; round < 300; ++round) {
    Cluster c;
    for (std::uint64_t g = 20; g < 20 + random.below(6); ++g) {
      std::vector<std::string> isps;
      for (const char* isp : kIsps) {
        if (random.below(2) == 0) isps.emplace_back(isp);
      }
      c.add_group(g, kProvinces[random.below(5)], isps, random.below(4));
    }
    bool any_open = false;
    for (auto& s : c.states) {
      s.connected = random.below(4) != 0;
      s.ready = random.below(4) != 0;
      s.draining = random.below(5) == 0;
      c.signals.push_back({s.node, static_cast<Health>(random.below(4)), random.unit(), ""});
      const bool is_l1 = s.node.value != 3 && s.node.value != 4;
      any_open = any_open || (is_l1 && !s.draining);
    }
    const auto view = c.view();
    const ClientClass client{random.below(4) == 0 ? geo::Country() : geo::kChina,
                             static_cast<Province>(random.below(geo::kProvinceCount)),
                             static_cast<Isp>(random.below(geo::kIspCount))};
    const std::uint64_t salt = random.next();
    const Decision decision = decide(*view, {1}, client, salt);
    EXPECT_EQ(decision.set, select(*view, {1}, client));
    EXPECT_EQ(decision.chosen.empty(), !any_open);
    EXPECT_EQ(decision.set.unanswered == Unanswered::kNo, any_open);
    for (const NodeId id : decision.chosen) EXPECT_NE(view->find_node(id)->standing, Standing::kClosed);
    if (!any_open) continue;
    const SlotTable table(decision.set.nodes, decision.set.answers);
    const auto row = table.pick(salt).view();
    EXPECT_EQ(decision.chosen, std::vector<NodeId>(row.begin(), row.end()));
    const auto better = find_better_node(*view, {1}, client, salt, {1});
    if (better) {
      EXPECT_EQ(*better, decision.chosen[0]);
    }
    EXPECT_FALSE(find_better_node(*view, {1}, client, salt, decision.chosen[0]).has_value());
  }
}

TEST(Explain, TextAndJsonNameChainCandidatesAndAnswer) {
  Cluster c;
  c.signals = {{{1}, Health::kDown, 1.0, "connection refused"}};
  const auto view = c.view();
  const Decision d = decide(*view, {1}, kBeijingUnicom, 1);
  const std::string text = explain_text(d, *view);
  for (const char* part : {"CN beijing unicom", "province_isp", "connection refused", "127.0.2.1", "shortened"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  const auto json = explain_json(d, *view);
  EXPECT_EQ(json["chosen"][0]["name"], "node-2");
  EXPECT_EQ(json["ttl"], 10);
}

TEST(Salt, IsThatOfTheBlockAndTheDomain) {
  EXPECT_EQ(salt_of({1}, *IpAddress::parse("192.0.2.1")), salt_of({1}, *IpAddress::parse("192.0.2.200")));
  EXPECT_EQ(salt_of({1}, *IpAddress::parse("192.0.2.1")), salt_of({1}, *IpAddress::parse("::ffff:192.0.2.9")));
  EXPECT_NE(salt_of({1}, *IpAddress::parse("192.0.2.1")), salt_of({1}, *IpAddress::parse("192.0.3.1")));
  EXPECT_NE(salt_of({1}, *IpAddress::parse("192.0.2.1")), salt_of({2}, *IpAddress::parse("192.0.2.1")));
}

}  // namespace
}  // namespace yz::sched
