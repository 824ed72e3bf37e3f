#include "control/explain.h"

#include <nlohmann/json.hpp>

#include "sched/decide.h"
#include "sched/explain.h"

namespace yz::control {
namespace {

/// By name, alias or CNAME target.
const model::Domain* find_domain(const model::ConfigSnapshot& config, std::string_view host) {
  if (const model::Domain* domain = config.find_domain(host)) return domain;
  for (const auto& [id, entry] : config.domains) {
    if (model::cname_target(*entry.value, config.settings.cdn_zone) == host) return entry.value.get();
  }
  return nullptr;
}

nlohmann::json location_json(const geo::GeoInfo& info) {
  return {{"country", geo::to_string(info.country)},
          {"province", std::string(geo::to_string(info.province))},
          {"isp", std::string(geo::to_string(info.isp))},
          {"asn", info.asn}};
}

std::vector<sched::NodeSignal> signals_of(const ProbeBoard& probes) {
  std::vector<sched::NodeSignal> out;
  for (const auto& [node, verdict] : probes.worst()) out.push_back({node, verdict.health, 1.0, verdict.reason});
  return out;
}

}  // namespace

Outcome Explainer::explain(const Call& call, const std::vector<model::NodeState>& states,
                           const ProbeBoard& probes) const {
  const auto name = call.parameter("name");
  const auto address_text = call.parameter("address");
  if (!name) return refuse(bad_request("name is needed: a served host name."));
  if (!address_text) return refuse(bad_request("address is needed: the client's IP address."));
  const auto address = IpAddress::parse(*address_text);
  if (!address) return refuse(bad_request("address must be an IPv4 or IPv6 address."));
  const auto host = model::canonical_host(*name);
  if (!host) return refuse(bad_request("name must be a host name."));

  const model::SnapshotPtr config = state_.current();
  const model::Domain* domain = find_domain(*config, *host);
  if (domain == nullptr || !call.principal.may_see(domain->tenant, domain->id))
    return refuse(not_found("domain " + *host));

  const auto view = sched::SchedView::build(config, states, signals_of(probes), sched::Unreported::kAway);
  const geo::GeoInfo& info = map_->lookup(*address);
  const sched::Decision decision =
      sched::decide(*view, domain->id, sched::class_of(info), sched::salt_of(domain->id, *address));
  return json_reply({{"name", *host},
                     {"address", to_string(*address)},
                     {"domain", domain->name},
                     {"location", location_json(info)},
                     {"decision", sched::explain_json(decision, *view)},
                     {"text", sched::explain_text(decision, *view)}});
}

}  // namespace yz::control
