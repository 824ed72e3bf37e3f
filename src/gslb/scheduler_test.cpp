#include "gslb/scheduler.h"

#include <set>

#include <gtest/gtest.h>

#include "base/random.h"
#include "dns/test_query.h"
#include "gslb/dns_service.h"
#include "gslb/test_world.h"

namespace yz::gslb {
namespace {

using dns::Type;
using model::Health;

class SchedulerTest : public ::testing::Test {
 protected:
  void publish(std::vector<sched::NodeSignal> signals = {}, std::vector<model::NodeState> states = {}) {
    worlds_.publish(test::world(config_, ++generation_, std::move(signals), std::move(states)));
  }

  struct Reply {
    unsigned rcode = 0;
    std::vector<std::string> addresses;
    std::uint32_t ttl = 0;
    std::optional<unsigned> scope;
  };
  Reply ask(std::string_view name, Type type, std::string_view subnet = "", std::string_view resolver = "192.0.2.1") {
    std::string options;
    if (!subnet.empty()) {
      dns::ClientSubnet ecs{*IpPrefix::parse(subnet), 0};
      const auto wire = to_wire(ecs);
      options = dns::test::option(8, {wire.bytes, wire.size});
    }
    char out[4096];
    const auto size = service_.answer(dns::test::query(name, type, dns::test::opt(options)),
                                      {*IpAddress::parse(resolver), 5353}, net::DnsTransport::kUdp, out);
    return read({out, size}, name, subnet);
  }

  static Reply read(std::string_view bytes, std::string_view name, std::string_view subnet) {
    const auto u = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
    Reply reply;
    if (bytes.empty()) return {99, {}, 0, {}};
    reply.rcode = u(3) & 15;
    std::size_t at = 12 + dns::test::question(name, 1).size();
    for (unsigned i = 0; i < (u(6) << 8 | u(7)); ++i) {
      reply.ttl = u(at + 6) << 24 | u(at + 7) << 16 | u(at + 8) << 8 | u(at + 9);
      const unsigned length = u(at + 10) << 8 | u(at + 11);
      std::array<std::uint8_t, 16> data{};
      for (unsigned k = 0; k < length && k < 16; ++k) data[k] = static_cast<std::uint8_t>(u(at + 12 + k));
      const auto address = length == 4 ? IpAddress::v4(std::uint32_t{data[0]} << 24 | std::uint32_t{data[1]} << 16 |
                                                       std::uint32_t{data[2]} << 8 | data[3])
                                       : IpAddress::v6(data);
      reply.addresses.push_back(to_string(address));
      at += 12 + length;
    }
    if (!subnet.empty()) {
      const auto octets = (IpPrefix::parse(subnet)->length + 7U) / 8;
      reply.scope = u(bytes.size() - octets - 1);
    }
    return reply;
  }

  model::ConfigSnapshot config_ = test::config();
  std::uint64_t generation_ = 0;
  WorldSource worlds_;
  metrics::Registry registry_;
  const DnsCounters counters_{registry_};
  DnsService service_{worlds_, counters_};
};

using Set = std::set<std::string>;
Set as_set(const std::vector<std::string>& list) { return {list.begin(), list.end()}; }

TEST_F(SchedulerTest, BeforeAnyConfigurationThereIsSilence) {
  EXPECT_EQ(ask("www.a.com.cdn.test", Type::kA).rcode, 99U);
}

TEST_F(SchedulerTest, PlaceAndLineChooseTheNodes) {
  publish();
  const auto beijing = ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24");
  EXPECT_EQ(as_set(beijing.addresses), (Set{"127.0.1.1", "127.0.1.2"}));
  EXPECT_EQ(beijing.ttl, 60U);
  EXPECT_EQ(beijing.scope, 24U);
  EXPECT_EQ(as_set(ask("www.a.com.cdn.test", Type::kA, "198.51.100.0/24").addresses), (Set{"127.0.2.1", "127.0.2.2"}));
  EXPECT_EQ(ask("www.a.com.cdn.test", Type::kAaaa, "2001:db8:a::/56").addresses,
            (std::vector<std::string>{"2001:db8:1::1"}));
  EXPECT_EQ(as_set(ask("www.a.com.cdn.test", Type::kA, "", "203.0.113.77").addresses), (Set{"127.0.1.1", "127.0.1.2"}))
      << "without a subnet the resolver's place counts";
  EXPECT_EQ(as_set(ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24", "198.51.100.1").addresses),
            (Set{"127.0.1.1", "127.0.1.2"}))
      << "the subnet beats the resolver";
}

TEST_F(SchedulerTest, SourceZeroAndPrivateSubnetsLeaveItToTheResolver) {
  publish();
  const auto zero = ask("www.a.com.cdn.test", Type::kA, "0.0.0.0/0", "203.0.113.77");
  EXPECT_EQ(as_set(zero.addresses), (Set{"127.0.1.1", "127.0.1.2"}));
  EXPECT_EQ(zero.scope, 0U);
  const struct {
    const char* subnet;
    unsigned scope;
  } blocks[] = {{"10.2.3.0/24", 8}, {"172.20.0.0/16", 12}, {"192.168.5.0/24", 16}, {"fd12:3400::/32", 7}};
  for (const auto& block : blocks) {
    const auto reply = ask("www.a.com.cdn.test", Type::kA, block.subnet, "203.0.113.77");
    EXPECT_EQ(as_set(reply.addresses), (Set{"127.0.1.1", "127.0.1.2"})) << block.subnet;
    EXPECT_EQ(reply.scope, block.scope) << block.subnet;
  }
  const auto unknown = ask("www.a.com.cdn.test", Type::kA, "100.64.0.0/24", "203.0.113.77");
  EXPECT_EQ(as_set(unknown.addresses), (Set{"127.0.1.1", "127.0.1.2"})) << "unmapped subnet, mapped resolver";
  EXPECT_GT(*unknown.scope, 0U);
}

TEST_F(SchedulerTest, NegativeAnswersHaveScopeZero) {
  publish();
  EXPECT_EQ(ask("none.cdn.test", Type::kA, "203.0.113.0/24").scope, 0U);
  EXPECT_EQ(ask("none.cdn.test", Type::kA, "203.0.113.0/24").rcode, 3U);
  EXPECT_EQ(ask("www.a.com.cdn.test", Type::kTxt, "203.0.113.0/24").scope, 0U);
  EXPECT_EQ(ask("a.com.cdn.test", Type::kA).rcode, 0U) << "an empty non-terminal above www";
  EXPECT_EQ(ask("www.b.org", Type::kA).rcode, 5U);
}

TEST_F(SchedulerTest, ADeadNodeIsOutOfTheNextAnswerAndTheTtlIsShort) {
  publish();
  ASSERT_EQ(ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24").addresses.size(), 2U);
  publish({{{1}, Health::kDown, 1, "refused"}});
  const auto reply = ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24");
  EXPECT_EQ(reply.addresses, (std::vector<std::string>{"127.0.1.2"}));
  EXPECT_EQ(reply.ttl, 10U);
  publish({{{1}, Health::kSuspect, 1, "slow"}});
  const auto suspect = ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24");
  EXPECT_EQ(suspect.addresses.size(), 2U);
  EXPECT_EQ(suspect.ttl, 10U);
}

TEST_F(SchedulerTest, WhenAllAreDownHealthIsNotBelieved) {
  publish({{{1}, Health::kDown, 1, "x"},
           {{2}, Health::kDown, 1, "x"},
           {{3}, Health::kDown, 1, "x"},
           {{4}, Health::kDown, 1, "x"}});
  EXPECT_EQ(as_set(ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24").addresses), (Set{"127.0.1.1", "127.0.1.2"}));
}

TEST_F(SchedulerTest, ADomainNoNodeHasAcknowledgedGetsServFail) {
  std::vector<model::NodeState> states;
  for (std::uint64_t id = 1; id <= 4; ++id) {
    model::NodeState state;
    state.node = {id};
    state.connected = state.ready = true;
    states.push_back(state);
  }
  publish({}, states);
  EXPECT_EQ(ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24").rcode, 2U);
  states[1].acked_config = {1};
  publish({}, states);
  EXPECT_EQ(ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24").addresses, (std::vector<std::string>{"127.0.1.2"}));
}

TEST_F(SchedulerTest, TheSameBlockAlwaysGetsTheSameAnswerInTheSameOrder) {
  publish();
  const auto first = ask("www.a.com.cdn.test", Type::kA, "203.0.113.0/24").addresses;
  for (const auto* subnet : {"203.0.113.0/25", "203.0.113.128/25", "203.0.113.7/32"}) {
    EXPECT_EQ(ask("www.a.com.cdn.test", Type::kA, subnet).addresses, first) << subnet;
  }
}

/// The table of a thread equals what the pure decision says for every class and slot.
TEST_F(SchedulerTest, AnswersAreThoseOfTheDecision) {
  publish({{{3}, Health::kSuspect, 0.5, "slow"}});
  Scheduler scheduler(worlds_);
  const World* world = scheduler.refresh();
  Random random(5);
  for (int i = 0; i < 500; ++i) {
    const IpAddress client =
        IpAddress::v4((i % 2 == 0 ? 0xcb007100U : 0xc6336400U) | static_cast<std::uint32_t>(random.below(256)));
    const auto place = Scheduler::locate(*world, client, std::nullopt);
    const auto choice = scheduler.choose(0, {1}, place);
    const auto decision =
        sched::decide(*world->view, {1}, world->map->client_class(place.id), sched::salt_of({1}, place.salt_address));
    ASSERT_NE(choice.answer, nullptr);
    const auto row = choice.answer->nodes.view();
    EXPECT_EQ(std::vector<model::NodeId>(row.begin(), row.end()), decision.chosen);
    EXPECT_EQ(choice.ttl, static_cast<std::uint32_t>(decision.set.ttl.count()));
  }
}

TEST(World, ADomainsPlanIsSharedWhileItsVersionIsInForceEverywhere) {
  auto config = test::config();
  for (std::uint64_t id = 2; id <= 50; ++id) {
    model::Domain domain;
    domain.id = {id};
    domain.name = "www" + std::to_string(id) + ".b.com";
    domain.policy = {1};
    config.put(domain, {id});
  }
  EXPECT_EQ(test::world(config, 1)->plans.size(), 1U);
  std::vector<model::NodeState> states(4);
  for (std::uint64_t id = 1; id <= 4; ++id) {
    states[id - 1].node = {id};
    states[id - 1].connected = states[id - 1].ready = true;
    states[id - 1].acked_config = {id == 1 ? 25U : 50U};
  }
  EXPECT_EQ(test::world(config, 1, {}, states)->plans.size(), 2U);
}

}  // namespace
}  // namespace yz::gslb
