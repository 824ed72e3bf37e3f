#pragma once

#include "model/config_snapshot.h"

namespace yz::model {

/// A small valid configuration with one or two resources of each kind, for tests and benches: domain 1 "www.a.com" with
/// alias "a.com"; L1 groups 1 (Beijing Unicom) and 2 (Guangdong Telecom), L2 group 3; nodes 1-4 on 127.0.1.1,
/// 127.0.2.1, 127.0.3.1, 127.0.3.2; policy 1; every resource as of change 1, the snapshot is number 1.
[[nodiscard]] inline ConfigSnapshot sample_snapshot() {
  ConfigSnapshot s;
  const ConfigSeq at{1};
  Settings settings;
  settings.cdn_zone = "cdn.example";
  settings.name_servers = {{"ns1.cdn.example", {IpAddress::v4(0x7f000001)}}};
  settings.hostmaster = "hostmaster.cdn.example";
  settings.cluster_key = "0123456789abcdef";
  settings.trusted_proxies = {IpPrefix{IpAddress::v4(0x0a000000), 8}};
  s.put(settings, at);

  OriginGroup origins;
  origins.id = {1}, origins.tenant = {1}, origins.name = "main";
  origins.origins = {{"origin.a.com", 443, 10, false, true}, {"192.0.2.9", 80, 1, true, false}};
  s.put(origins, at);

  const auto group = [&](std::uint64_t id, const char* name, Tier tier, Place place, std::vector<std::string> isps) {
    NodeGroup g;
    g.id = {id}, g.name = name, g.tier = tier, g.place = std::move(place), g.isps = std::move(isps);
    if (tier == Tier::kL1) g.parent_group = {3};
    s.put(g, at);
  };
  group(1, "beijing-unicom", Tier::kL1, {"CN", "CN-BJ"}, {"unicom"});
  group(2, "guangdong-telecom", Tier::kL1, {"CN", "CN-GD"}, {"telecom"});
  group(3, "l2", Tier::kL2, {"CN", ""}, {});

  const auto node = [&](std::uint64_t id, std::uint64_t in, std::uint32_t address) {
    Node n;
    n.id = {id}, n.name = "node-" + std::to_string(id), n.group = {in}, n.addresses = {IpAddress::v4(address)};
    s.put(n, at);
  };
  node(1, 1, 0x7f000101), node(2, 2, 0x7f000201), node(3, 3, 0x7f000301), node(4, 3, 0x7f000302);

  Policy policy;
  policy.id = {1}, policy.name = "default", policy.default_groups = {{2}};
  policy.rules = {{{"CN", "CN-HK"}, "", {{2}}}};
  s.put(policy, at);

  Certificate certificate;
  certificate.id = {1}, certificate.tenant = {1}, certificate.name = "a.com", certificate.names = {"*.a.com", "a.com"};
  certificate.chain_pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  certificate.key_pem = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
  certificate.not_after = WallTime(std::chrono::seconds(1'900'000'000));
  s.put(certificate, at);

  Challenge challenge;
  challenge.id = {1}, challenge.tenant = {1}, challenge.name = "order/1/tok", challenge.host = "www.a.com";
  challenge.token = "tok", challenge.value = "tok.thumbprint";
  s.put(challenge, at);

  Suspension suspension;
  suspension.id = {1}, suspension.tenant = {9}, suspension.name = "cap/3", suspension.domain = {4};
  suspension.cause = CapKind::kTraffic, suspension.until = WallTime(std::chrono::seconds(1'800'000'000));
  s.put(suspension, at);

  Domain domain;
  domain.id = {1}, domain.tenant = {1}, domain.name = "www.a.com", domain.aliases = {"a.com"};
  domain.origin_group = {1}, domain.policy = {1}, domain.certificate = {1};
  domain.cache_rules = {{CacheRuleMatch::kSuffix, "jpg,png", CacheAction::kTtl, std::chrono::seconds(86400), 10},
                        {CacheRuleMatch::kDirectory, "/api/", CacheAction::kNoStore, {}, 20}};
  domain.key_rule = {QueryKey::kKeepListed, {"v"}, true};
  domain.stale_on_error = std::chrono::seconds(300);
  domain.prefetch_rate = 20;
  domain.https.hsts = {std::chrono::seconds(86400), true, false};
  s.put(domain, at);
  return s;
}

}  // namespace yz::model
