#include "edge/running_config.h"

#include <algorithm>

#include "edge/upstream/server_state.h"
#include "http/scan.h"
#include "model/validate.h"
#include "sched/view.h"

namespace yz::edge {
namespace {

/// RFC 9111 §4.2.4 lets a cache that cannot reach the origin serve stale, unless a directive forbids it.
constexpr std::chrono::seconds kStandaloneStaleOnError{60};
/// Failures in a row before a lone origin is left alone: there is no other to turn to, and a few requests that it
/// always drops must not take all of it away.
constexpr std::uint32_t kStandaloneFall = 100;

std::string token_of(std::string name, std::string_view otherwise) {
  for (char& c : name) c = http::is_token_char(c) ? c : '-';
  return name.empty() ? std::string(otherwise) : name;
}

http::Profile profile_of(model::CacheProfile profile) {
  return profile == model::CacheProfile::kRfc ? http::Profile::kRfc : http::Profile::kSafe;
}

/// Until when what is suspended: by domain and, of whole tenants, by tenant.
struct Suspensions {
  std::map<model::DomainId, WallTime> domains;
  std::map<model::TenantId, WallTime> tenants;

  explicit Suspensions(const model::ConfigSnapshot& snapshot) {
    for (const auto& [id, entry] : snapshot.suspensions) {
      const model::Suspension& one = *entry.value;
      WallTime& until = one.domain ? domains[one.domain] : tenants[one.tenant];
      until = std::max(until, one.until);
    }
  }
  [[nodiscard]] std::optional<WallTime> of(const model::Domain& domain) const {
    const auto own = domains.find(domain.id);
    const auto all = tenants.find(domain.tenant);
    if (own == domains.end() && all == tenants.end()) return std::nullopt;
    if (own == domains.end()) return all->second;
    return all == tenants.end() ? own->second : std::max(own->second, all->second);
  }
};

void add_sites(const model::ConfigSnapshot& snapshot, ServerBook& book, RunningConfig& config) {
  SiteTable& sites = config.sites;
  const Suspensions suspensions(snapshot);
  for (const auto& [id, entry] : snapshot.domains) {
    const model::Domain& domain = *entry.value;
    const model::OriginGroup* origins = snapshot.origin_groups.find(domain.origin_group);
    if (!domain.enabled || origins == nullptr) continue;
    Site made{domain.name, domain, *origins, profile_of(domain.profile)};
    made.servers = book.group(*origins);
    made.hsts = hsts_value(domain.https.hsts);
    made.suspended_until = suspensions.of(domain);
    const auto site = std::make_shared<const Site>(std::move(made));
    config.origins.emplace(origins->id, site);
    sites.add(domain.name, site);
    for (const auto& alias : domain.aliases) sites.add(alias, site);
    if (!snapshot.settings.cdn_zone.empty()) sites.add(model::cname_target(domain, snapshot.settings.cdn_zone), site);
  }
}

void add_peers(const model::ConfigSnapshot& snapshot, model::NodeGroupId parent, ServerBook& book,
               RunningConfig& config) {
  for (const auto& [id, entry] : snapshot.nodes) {
    const model::Node& node = *entry.value;
    const model::NodeGroup* group = snapshot.node_groups.find(node.group);
    const bool usable = group != nullptr && group->tier == model::Tier::kL2 && group->enabled && node.enabled &&
                        !node.draining && node.weight > 0 && !node.addresses.empty() && id != config.self;
    if (!usable || (parent && node.group != parent)) continue;
    const Endpoint at{node.addresses.front(), node.http_port};
    config.peers.push_back({id, at, node.weight, book.peer(id, to_string(at))});
  }
}

}  // namespace

Result<ConfigPtr> prepare_config(model::SnapshotPtr snapshot, model::NodeId self, ServerBook& book, OwnCertificates own,
                                 const RunningConfig& before) {
  if (const auto problems = model::validate(*snapshot); !problems.empty()) {
    return fail(Code::kInvalid, problems.front().pointer + ": " + problems.front().message);
  }
  auto config = std::make_shared<RunningConfig>();
  config->snapshot = snapshot;
  config->hash = snapshot->content_hash();
  config->self = self;
  config->trusted_proxies = snapshot->settings.trusted_proxies;
  config->cluster_key = snapshot->settings.cluster_key;
  config->cdn_id = token_of(snapshot->settings.cdn_zone, "yizhan");
  config->has_suspensions = snapshot->suspensions.size() > 0;
  add_sites(*snapshot, book, *config);
  config->certificates = std::make_shared<const CertificateStore>(*snapshot, std::move(own), before.certificates.get());
  for (const auto& [id, entry] : snapshot->challenges) {
    const model::Challenge& one = *entry.value;
    if (one.kind == model::ChallengeKind::kHttp) config->challenges.emplace(one.token, &one);
  }
  if (const model::Node* node = snapshot->nodes.find(self); node != nullptr) {
    config->node_name = token_of(node->name, "yizhan");
    config->https_port = node->https_port;
    const model::NodeGroup* group = snapshot->node_groups.find(node->group);
    if (group != nullptr) config->tier = group->tier;
    if (config->tier == model::Tier::kL1) {
      add_peers(*snapshot, group == nullptr ? model::NodeGroupId{} : group->parent_group, book, *config);
    }
  }
  const bool corrects = std::any_of(snapshot->domains.begin(), snapshot->domains.end(),
                                    [](const auto& item) { return item.second.value->correction; });
  if (corrects && config->tier == model::Tier::kL1) {
    config->view = sched::SchedView::build(std::move(snapshot), {}, {}, sched::Unreported::kReady);
  }
  return ConfigPtr(std::move(config));
}

ConfigPtr prepare_standalone(const Options& options, ServerBook& book, OwnCertificates own) {
  auto config = std::make_shared<RunningConfig>();
  config->certificates = std::make_shared<const CertificateStore>(std::move(own));
  config->self = options.node;
  if (!options.origin) return config;
  auto site = std::make_shared<Site>();
  site->profile = options.profile;
  site->domain.stale_on_error = kStandaloneStaleOnError;
  site->origins.host_header = options.host_header;
  site->origins.fall = kStandaloneFall;
  site->origins.origins.push_back(
      {.host = options.origin->host, .port = options.origin->port, .tls = options.origin->tls});
  site->servers = book.group(site->origins);
  config->origins.emplace(site->origins.id, site);
  config->sites.set_default(std::move(site));
  return config;
}

}  // namespace yz::edge
