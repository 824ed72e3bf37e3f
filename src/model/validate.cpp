#include "model/validate.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "http/scan.h"
#include "model/enum_names.h"

namespace yz::model {
namespace {

using std::chrono::seconds;
constexpr seconds kMaxTtl{10LL * 365 * 86400};
constexpr std::string_view kLineBreakers("\r\n\0", 3);

/// A problem with the resource it is in and the one it speaks of, so that changes can be checked by key.
struct Finding {
  ResourceKey about;
  ResourceKey other;
  Problem problem;
};

/// The checks of one resource alone; pointers are relative to it.
class ResourceCheck {
 public:
  Problems problems;

  void operator()(const Settings& s) {
    require_host("/cdn_zone", s.cdn_zone);
    for (std::size_t i = 0; i < s.name_servers.size(); ++i) {
      require_host(fmt::format("/name_servers/{}/name", i), s.name_servers[i].name);
    }
    if (!s.hostmaster.empty()) require_host("/hostmaster", s.hostmaster);
    require(s.ns_ttl >= seconds(1) && s.ns_ttl <= seconds(7 * 86400), "/ns_ttl", "expected 1 second to 7 days");
    require(s.negative_ttl >= seconds(0) && s.negative_ttl <= seconds(86400), "/negative_ttl", "expected 0 to 1 day");
    require(s.cluster_key.empty() || s.cluster_key.size() >= 16, "/cluster_key", "expected at least 16 bytes");
  }

  void operator()(const OriginGroup& g) {
    require_name(g.name);
    require(!g.origins.empty(), "/origins", "expected at least one origin");
    bool any_weight = g.origins.empty();
    for (std::size_t i = 0; i < g.origins.size(); ++i) {
      const Origin& o = g.origins[i];
      const std::string at = fmt::format("/origins/{}", i);
      if (!IpAddress::parse(o.host)) require_host(at + "/host", o.host);
      require(o.port != 0, at + "/port", "expected 1 to 65535");
      any_weight = any_weight || o.weight > 0;
    }
    require(any_weight, "/origins", "expected an origin with a weight above 0");
    if (!g.host_header.empty()) require_authority("/host_header", g.host_header);
    if (!g.sni.empty()) require_host("/sni", g.sni);
    const auto sane = [](auto d) { return d >= std::chrono::milliseconds(1) && d <= std::chrono::minutes(10); };
    require(sane(g.connect_timeout), "/connect_timeout", "expected 1 ms to 10 minutes");
    require(sane(g.first_byte_timeout), "/first_byte_timeout", "expected 1 ms to 10 minutes");
    require(g.max_connections >= 1, "/max_connections", "expected at least 1");
    require(sane(g.idle_timeout), "/idle_timeout", "expected 1 ms to 10 minutes");
    require(sane(g.queue_timeout), "/queue_timeout", "expected 1 ms to 10 minutes");
    require(g.max_queued <= 1'000'000, "/max_queued", "expected at most 1000000");
    check_origin_health(g);
    if (!g.tls_name.empty() && !IpAddress::parse(g.tls_name)) require_host("/tls_name", g.tls_name);
    require(g.ca_pem.empty() || g.ca_pem.find("-----BEGIN CERTIFICATE-----") != std::string::npos, "/ca_pem",
            "expected certificates in PEM");
    require(g.finish_percent <= 100, "/finish_percent", "expected 0 to 100");
    check_origin_fields(g);
    const bool is_signed = g.auth != OriginAuth::kNone;
    require(!is_signed || (!g.auth_key.empty() && !g.auth_secret.empty()), "/auth_key",
            "expected an access key and its secret for signed requests");
    require(g.auth != OriginAuth::kAwsV4 || !g.auth_region.empty(), "/auth_region", "expected the region to sign for");
    const bool one_line =
        (g.auth_key + g.auth_region + g.auth_bucket).find_first_of(kLineBreakers) == std::string::npos;
    require(one_line, "/auth_key", "expected no line breaks in what goes into a signature");
  }

  void operator()(const Domain& d) {
    require_host("/name", d.name);
    for (std::size_t i = 0; i < d.aliases.size(); ++i) require_host(fmt::format("/aliases/{}", i), d.aliases[i]);
    if (!d.cname_label.empty()) require_host("/cname_label", d.cname_label);
    for (std::size_t i = 0; i < d.cache_rules.size(); ++i)
      check_cache_rule(fmt::format("/cache_rules/{}", i), d.cache_rules[i]);
    const bool listed = d.key_rule.query == QueryKey::kKeepListed || d.key_rule.query == QueryKey::kDropListed;
    require(!listed || !d.key_rule.params.empty(), "/key_rule/params", "expected the parameters to keep or drop");
    require(in_ttl_range(d.stale_on_error), "/stale_on_error", "expected 0 to 10 years");
    require(d.prefetch_rate >= 1 && d.prefetch_rate <= 10'000, "/prefetch_rate",
            "expected 1 to 10,000 requests a second");
    check_https(d.https);
    require(static_cast<bool>(d.origin_group), "/origin_group", "expected an origin group");
    require(static_cast<bool>(d.policy), "/policy", "expected a policy");
  }

  void operator()(const NodeGroup& g) {
    require_name(g.name);
    check_place("/place", g.place);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < g.isps.size(); ++i) {
      check_isp(fmt::format("/isps/{}", i), g.isps[i]);
      require(seen.insert(g.isps[i]).second, fmt::format("/isps/{}", i), "listed twice");
    }
    require(g.tier == Tier::kL1 || !g.parent_group, "/parent_group", "an L2 group has none");
  }

  void operator()(const Node& n) {
    require_name(n.name);
    require(!n.addresses.empty(), "/addresses", "expected at least one address");
    const std::set<IpAddress> unique(n.addresses.begin(), n.addresses.end());
    require(unique.size() == n.addresses.size(), "/addresses", "an address is listed twice");
    require(n.http_port != 0, "/http_port", "expected 1 to 65535");
    require(n.https_port != n.http_port, "/https_port", "is the HTTP port");
    require(n.weight <= 1'000'000, "/weight", "expected at most 1000000");
    require(static_cast<bool>(n.group), "/group", "expected a node group");
  }

  void operator()(const Policy& p) {
    require_name(p.name);
    for (std::size_t i = 0; i < p.rules.size(); ++i) {
      const std::string at = fmt::format("/rules/{}", i);
      check_place(at + "/place", p.rules[i].place);
      if (!p.rules[i].isp.empty()) check_isp(at + "/isp", p.rules[i].isp);
      require(!p.rules[i].groups.empty(), at + "/groups", "expected at least one group");
    }
    require(!p.chain.empty(), "/chain", "expected at least one step");
    const std::set<ChainStep> steps(p.chain.begin(), p.chain.end());
    require(steps.size() == p.chain.size(), "/chain", "a step is listed twice");
    require(p.answers >= 1 && p.answers <= 4, "/answers", "expected 1 to 4");
    require(p.ttl >= seconds(1) && p.ttl <= seconds(86400), "/ttl", "expected 1 second to 1 day");
    require(p.degraded_ttl >= seconds(1) && p.degraded_ttl <= p.ttl, "/degraded_ttl", "expected 1 second to the ttl");
    require(p.panic_percent <= 100, "/panic_percent", "expected 0 to 100");
  }

  void operator()(const Certificate& c) {
    require(!c.names.empty(), "/names", "expected at least one DNS name");
    require(c.chain_pem.find("-----BEGIN CERTIFICATE-----") != std::string::npos, "/chain_pem",
            "expected a PEM certificate");
    require(c.key_pem.find("PRIVATE KEY-----") != std::string::npos, "/key_pem", "expected a PEM private key");
  }

  void operator()(const Challenge& c) {
    require_name(c.name);
    require_host("/host", c.host);
    const auto is_word = [](char x) { return http::is_token_char(x) && x != '%'; };
    require(std::all_of(c.token.begin(), c.token.end(), is_word) && c.token.size() <= 256, "/token",
            "expected a token of at most 256 bytes");
    require(c.kind == ChallengeKind::kDns || !c.token.empty(), "/token", "expected a token");
    require(!c.value.empty() && c.value.size() <= 512 && c.value.find_first_of(kLineBreakers) == std::string::npos,
            "/value", "expected one line of at most 512 bytes");
  }

  void operator()(const Suspension& s) {
    require_name(s.name);
    require(static_cast<bool>(s.tenant), "/tenant", "expected a tenant");
  }

 private:
  static bool in_ttl_range(seconds s) { return s >= seconds(0) && s <= kMaxTtl; }

  void check_https(const HttpsRule& https) {
    require(in_ttl_range(https.hsts.max_age), "/https/hsts/max_age", "expected 0 to 10 years");
    // What browsers' preload lists ask for (hstspreload.org).
    const bool may_preload = https.hsts.include_subdomains && https.hsts.max_age >= seconds(365 * 86400);
    require(!https.hsts.preload || may_preload, "/https/hsts/preload",
            "expected include_subdomains and a max_age of at least 1 year beside it");
  }
  void check_cache_rule(const std::string& at, const CacheRule& r) {
    switch (r.match) {
      case CacheRuleMatch::kAll:
        require(r.pattern.empty(), at + "/pattern", "expected none for \"all\"");
        break;
      case CacheRuleMatch::kDirectory:
        require(r.pattern.starts_with('/') && r.pattern.ends_with('/'), at + "/pattern",
                "expected a path like \"/images/\"");
        break;
      case CacheRuleMatch::kSuffix:
        require(!r.pattern.empty() && r.pattern.find('/') == std::string::npos, at + "/pattern",
                "expected extensions like \"jpg,png\"");
        break;
      case CacheRuleMatch::kExact:
        require(r.pattern.starts_with('/'), at + "/pattern", "expected a path like \"/a/b.html\"");
        break;
    }
    require(in_ttl_range(r.ttl), at + "/ttl", "expected 0 to 10 years");
  }
  void check_origin_health(const OriginGroup& g) {
    require(g.fall >= 1 && g.fall <= 100, "/fall", "expected 1 to 100");
    require(g.rise >= 1 && g.rise <= 100, "/rise", "expected 1 to 100");
    const auto between = [](auto d, auto least, auto most) { return d >= least && d <= most; };
    using std::chrono::milliseconds;
    require(between(g.open_time, milliseconds(100), seconds(30)), "/open_time", "expected 100 ms to 30 s");
    require(between(g.slow_start, milliseconds(0), seconds(600)), "/slow_start", "expected 0 to 10 minutes");
    require(g.retry_percent <= 100, "/retry_percent", "expected 0 to 100");
    require(between(g.health_interval, seconds(1), seconds(3600)), "/health_interval", "expected 1 s to 1 hour");
    const bool is_path = g.health_path.starts_with('/') && std::all_of(g.health_path.begin(), g.health_path.end(),
                                                                       [](char c) { return c > ' ' && c < 127; });
    require(g.health_path.empty() || is_path, "/health_path", "expected a path like \"/healthz\"");
  }
  void check_origin_fields(const OriginGroup& g) {
    for (std::size_t i = 0; i < g.set_headers.size(); ++i) {
      const std::string at = fmt::format("/set_headers/{}", i);
      require_own_field(at + "/name", g.set_headers[i].name);
      require(g.set_headers[i].value.find_first_of(kLineBreakers) == std::string::npos, at + "/value",
              "expected a text without line breaks");
    }
    for (std::size_t i = 0; i < g.remove_headers.size(); ++i) {
      require_own_field(fmt::format("/remove_headers/{}", i), g.remove_headers[i]);
    }
  }
  /// A field the operator may set or remove: not one that frames the message or is ours to write.
  void require_own_field(const std::string& at, const std::string& name) {
    static constexpr std::string_view kOurs[] = {"connection", "content-length",    "expect", "host", "keep-alive",
                                                 "te",         "transfer-encoding", "upgrade"};
    require(!name.empty() && http::is_token(name), at, "expected a field name");
    require(std::find(std::begin(kOurs), std::end(kOurs), to_lower(name)) == std::end(kOurs), at,
            "this field is written by the edge itself");
  }
  void check_place(const std::string& at, const Place& p) {
    require(p.country.empty() || is_country_code(p.country), at + "/country",
            "expected two capital letters like \"CN\"");
    require(p.province.empty() || is_province_code(p.province), at + "/province", "expected a code like \"CN-BJ\"");
    require(p.province.empty() || p.country.empty() || p.province.starts_with(p.country), at + "/province",
            "lies in another country");
  }
  void check_isp(const std::string& at, const std::string& isp) {
    require(is_isp_name(isp), at, "expected telecom, unicom, mobile, cernet, cstnet, drpeng, catv, cloud or other");
  }
  void require_name(const std::string& name) {
    require(!name.empty() && name.size() <= 128 && is_utf8(name), "/name", "expected 1 to 128 bytes of text");
  }
  void require_host(const std::string& at, const std::string& host) {
    const auto canonical = canonical_host(host);
    if (!canonical) {
      problems.push_back({at, canonical.error().message});
    } else {
      require(*canonical == host, at, fmt::format("expected lower case without a final dot: \"{}\"", *canonical));
    }
  }
  void require_authority(const std::string& at, const std::string& authority) {
    const auto colon = authority.rfind(':');
    const std::string host = colon == std::string::npos ? authority : authority.substr(0, colon);
    if (colon != std::string::npos) {
      require(parse_u32(std::string_view(authority).substr(colon + 1), 65535).value_or(0) != 0, at,
              "expected a port from 1 to 65535");
    }
    if (!IpAddress::parse(host)) require_host(at, host);
  }
  void require(bool holds, std::string at, std::string_view message) {
    if (!holds) problems.push_back({std::move(at), std::string(message)});
  }
};

/// The checks that look at several resources.
class WholeCheck {
 public:
  explicit WholeCheck(const ConfigSnapshot& s) : s_(s) {}

  std::vector<Finding> run() {
    if (s_.settings_seq) check_alone({ResourceKind::kSettings, 0}, "/settings", s_.settings);
    each(ResourceKind::kOriginGroup, "origin_groups", s_.origin_groups, [](const OriginGroup&) {});
    each(ResourceKind::kDomain, "domains", s_.domains, [this](const Domain& d) { check_domain(d); });
    each(ResourceKind::kNodeGroup, "node_groups", s_.node_groups, [this](const NodeGroup& g) { check_group(g); });
    each(ResourceKind::kNode, "nodes", s_.nodes, [this](const Node& n) { check_node(n); });
    each(ResourceKind::kPolicy, "policies", s_.policies, [this](const Policy& p) { check_policy(p); });
    each(ResourceKind::kCertificate, "certificates", s_.certificates, [](const Certificate&) {});
    each(ResourceKind::kChallenge, "challenges", s_.challenges, [](const Challenge&) {});
    each(ResourceKind::kSuspension, "suspensions", s_.suspensions, [](const Suspension&) {});
    return std::move(findings_);
  }

 private:
  template <typename Map, typename F>
  void each(ResourceKind kind, std::string_view plural, const Map& map, F&& check) {
    for (const auto& [id, entry] : map) {
      at_ = {kind, id.value};
      prefix_ = fmt::format("/{}/{}", plural, id.value);
      check_alone(at_, prefix_, *entry.value);
      check(*entry.value);
    }
  }
  template <typename T>
  void check_alone(ResourceKey key, const std::string& prefix, const T& value) {
    ResourceCheck check;
    check(value);
    for (Problem& p : check.problems) findings_.push_back({key, key, {prefix + p.pointer, std::move(p.message)}});
  }

  void check_domain(const Domain& d) {
    refer(s_.origin_groups.contains(d.origin_group), !d.origin_group, "/origin_group", ResourceKind::kOriginGroup,
          d.origin_group.value);
    refer(s_.policies.contains(d.policy), !d.policy, "/policy", ResourceKind::kPolicy, d.policy.value);
    refer(s_.certificates.contains(d.certificate), !d.certificate, "/certificate", ResourceKind::kCertificate,
          d.certificate.value);
    if (const OriginGroup* g = s_.origin_groups.find(d.origin_group); g != nullptr && g->tenant != d.tenant) {
      add("/origin_group", "belongs to another tenant", {ResourceKind::kOriginGroup, d.origin_group.value});
    }
    claim(hosts_, "/name", d.name, d.id);
    for (std::size_t i = 0; i < d.aliases.size(); ++i) claim(hosts_, fmt::format("/aliases/{}", i), d.aliases[i], d.id);
    claim(labels_, d.cname_label.empty() ? "/name" : "/cname_label", d.cname_label.empty() ? d.name : d.cname_label,
          d.id);
  }
  void check_group(const NodeGroup& g) {
    if (!g.parent_group) return;
    const NodeGroup* parent = s_.node_groups.find(g.parent_group);
    refer(parent != nullptr, false, "/parent_group", ResourceKind::kNodeGroup, g.parent_group.value);
    if (parent != nullptr && parent->tier != Tier::kL2) {
      add("/parent_group", "is not an L2 group", {ResourceKind::kNodeGroup, g.parent_group.value});
    }
  }
  void check_node(const Node& n) {
    refer(s_.node_groups.contains(n.group), !n.group, "/group", ResourceKind::kNodeGroup, n.group.value);
    for (std::size_t i = 0; i < n.addresses.size(); ++i) {
      const auto [it, fresh] = endpoints_.emplace(Endpoint{n.addresses[i], n.http_port}, n.id);
      if (!fresh && it->second != n.id) {
        add(fmt::format("/addresses/{}", i), fmt::format("node {} has this address and port", it->second.value),
            {ResourceKind::kNode, it->second.value});
      }
    }
  }
  void check_policy(const Policy& p) {
    for (std::size_t i = 0; i < p.rules.size(); ++i)
      check_l1_groups(fmt::format("/rules/{}/groups", i), p.rules[i].groups);
    check_l1_groups("/pool", p.pool);
    check_l1_groups("/default_groups", p.default_groups);
  }
  void check_l1_groups(const std::string& at, const std::vector<NodeGroupId>& groups) {
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const NodeGroup* g = s_.node_groups.find(groups[i]);
      const std::string here = fmt::format("{}/{}", at, i);
      refer(g != nullptr, false, here, ResourceKind::kNodeGroup, groups[i].value);
      if (g != nullptr && g->tier != Tier::kL1)
        add(here, "is not an L1 group", {ResourceKind::kNodeGroup, groups[i].value});
    }
  }

  void claim(std::map<std::string, DomainId>& claims, const std::string& at, const std::string& name, DomainId by) {
    const auto [it, fresh] = claims.emplace(name, by);
    if (fresh) return;
    if (it->second == by) {
      add(at, fmt::format("\"{}\" is listed twice", name), at_);
    } else {
      add(at, fmt::format("\"{}\" is taken by domain {}", name, it->second.value),
          {ResourceKind::kDomain, it->second.value});
    }
  }
  void refer(bool exists, bool may_be_absent, const std::string& at, ResourceKind kind, std::uint64_t id) {
    if (exists || may_be_absent) return;
    add(at, fmt::format("there is no {}", to_string(ResourceKey{kind, id})), {kind, id});
  }
  void add(const std::string& at, std::string message, ResourceKey other) {
    findings_.push_back({at_, other, {prefix_ + at, std::move(message)}});
  }

  const ConfigSnapshot& s_;
  ResourceKey at_;
  std::string prefix_;
  std::map<std::string, DomainId> hosts_;
  std::map<std::string, DomainId> labels_;
  std::map<Endpoint, NodeId> endpoints_;
  std::vector<Finding> findings_;
};

}  // namespace

Problems validate(const ConfigSnapshot& snapshot) {
  Problems out;
  for (Finding& f : WholeCheck(snapshot).run()) out.push_back(std::move(f.problem));
  return out;
}

Problems validate(const Resource& resource) {
  ResourceCheck check;
  std::visit(check, resource);
  return std::move(check.problems);
}

Problems validate_change(const ConfigSnapshot& after, const ResourceKey& key) {
  Problems out;
  for (Finding& f : WholeCheck(after).run()) {
    if (f.about == key || f.other == key) out.push_back(std::move(f.problem));
  }
  return out;
}

}  // namespace yz::model
