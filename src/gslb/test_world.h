#pragma once

#include <memory>
#include <string>

#include "geo/sources.h"
#include "gslb/world.h"

/// A small cluster for tests: Beijing Unicom and Guangdong Telecom, two nodes each, one of each with IPv6.
namespace yz::gslb::test {

inline model::ConfigSnapshot config() {
  model::ConfigSnapshot out;
  const model::ConfigSeq at{1};
  model::Settings settings;
  settings.cdn_zone = "cdn.test";
  settings.name_servers = {{"ns1.cdn.test", {*IpAddress::parse("127.0.0.1")}}};
  settings.hostmaster = "hostmaster.cdn.test";
  settings.cluster_key = "0123456789abcdef";
  settings.trusted_proxies = {*IpPrefix::parse("127.0.0.9/32")};
  out.put(settings, at);
  const auto group = [&](std::uint64_t id, const char* name, const char* province, const char* isp) {
    model::NodeGroup g;
    g.id = {id};
    g.name = name;
    g.place = {"CN", province};
    g.isps = {isp};
    out.put(g, at);
  };
  group(1, "bj-unicom", "CN-BJ", "unicom");
  group(2, "gd-telecom", "CN-GD", "telecom");
  const auto node = [&](std::uint64_t id, std::uint64_t in, std::vector<const char*> addresses) {
    model::Node n;
    n.id = {id};
    n.name = "edge-" + std::to_string(id);
    n.group = {in};
    n.http_port = 8080;
    for (const auto* text : addresses) n.addresses.push_back(*IpAddress::parse(text));
    out.put(n, at);
  };
  node(1, 1, {"127.0.1.1", "2001:db8:1::1"});
  node(2, 1, {"127.0.1.2"});
  node(3, 2, {"127.0.2.1", "2001:db8:2::1"});
  node(4, 2, {"127.0.2.2"});
  model::Policy policy;
  policy.id = {1};
  policy.name = "near";
  policy.default_groups = {{2}};
  out.put(policy, at);
  model::Domain domain;
  domain.id = {1};
  domain.name = "www.a.com";
  domain.aliases = {"a.com"};
  domain.policy = {1};
  out.put(domain, at);
  return out;
}

inline constexpr std::string_view kPlaces =
    "203.0.113.0/24 CN beijing unicom\n198.51.100.0/24 CN guangdong telecom\n"
    "2001:db8:a::/48 CN beijing unicom\n2001:db8:b::/48 CN guangdong telecom\n";

inline std::shared_ptr<const ClassMap> map(std::string_view places = kPlaces) {
  return ClassMap::compile(*geo::GeoMap::empty(), *geo::read_overrides(places));
}

inline std::shared_ptr<const World> world(const model::ConfigSnapshot& from, std::uint64_t generation,
                                          std::vector<sched::NodeSignal> signals = {},
                                          std::vector<model::NodeState> states = {}) {
  auto shared = std::make_shared<const model::ConfigSnapshot>(from);
  const auto unreported = states.empty() ? sched::Unreported::kReady : sched::Unreported::kAway;
  return World::make(*build_zones(from, "test"), map(), sched::SchedView::build(shared, states, signals, unreported),
                     generation);
}

}  // namespace yz::gslb::test
