#include "edge/admin/why.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "edge/cache_key.h"
#include "edge/edge_server.h"
#include "edge/sliced_object.h"
#include "edge/stored_object.h"
#include "edge/upstream/choice.h"
#include "http/authority.h"

namespace yz::edge {
namespace {

/// How much of a large object is there; looks at no more than the first thousand slices.
nlohmann::json describe_slices(EdgeServer& server, const cache::Ref<cache::Object>& root) {
  const SlicedObject object(root);
  const std::uint64_t looked_at = std::min<std::uint64_t>(object.layout().count(), 1000);
  std::uint64_t stored = 0;
  for (std::uint64_t i = 0; i < looked_at; ++i) {
    const auto found = server.store().lookup(object.key_of(i).primary, [](std::string_view) { return Hash128{}; });
    if (found.object) ++stored;
  }
  nlohmann::json out;
  out["bytes"] = object.layout().size;
  out["count"] = object.layout().count();
  out["looked_at"] = looked_at;
  out["stored"] = stored;
  return out;
}

nlohmann::json describe(const cache::Object& object, WallTime now) {
  const http::StoredPolicy policy = policy_of(object);
  nlohmann::json out;
  out["status"] = object.status();
  out["bytes"] = representation_length(object);
  out["age_s"] = policy.age(now).count();
  out["lifetime_s"] = policy.lifetime.count();
  out["lifetime_from"] = policy.heuristic ? "heuristic (RFC 9111 §4.2.2)" : "origin or rule";
  out["fresh"] = policy.is_fresh(now);
  out["no_cache"] = policy.no_cache;
  out["never_stale"] = policy.never_stale;
  out["soft_purged"] = object.is_soft_purged();
  out["born_seq"] = object.born().value;
  out["etag"] = object.etag();
  out["last_modified"] = object.last_modified();
  return out;
}

std::string_view verdict_of(const cache::Lookup& found, http::Profile profile, WallTime now) {
  if (!found.object) return found.rule ? "miss: no variant for a request without the fields it varies by" : "miss";
  if (found.object->is_soft_purged()) return "validate: purged softly";
  switch (http::decide_reuse(policy_of(*found.object), {}, profile, now)) {
    case http::Reuse::kServe:
      return "hit";
    case http::Reuse::kServeAndRevalidate:
      return "hit, stale, validated behind (RFC 5861 §3)";
    case http::Reuse::kValidate:
      return "validate at the next tier or origin";
  }
  return "";
}

}  // namespace

std::string explain_url(EdgeServer& server, std::string_view url) {
  const http::Reference reference = http::split_reference(url);
  const auto authority = http::parse_authority(reference.authority);
  if (!authority) return R"({"verdict":"not a URL with a host"})";
  const ConfigPtr config = server.config();
  const std::string host = to_lower(authority->host);
  const Site* site = config->sites.find(host);
  nlohmann::json out;
  if (site == nullptr) {
    out["verdict"] = "404: no domain of the configuration has this name";
    return out.dump(2);
  }
  const WallTime now = SystemClock::instance().wall();
  const std::string key_host = site->name.empty() ? to_lower(reference.authority) : site->name;
  std::string target(reference.path.empty() ? "/" : reference.path);
  const auto* rule = model::find_cache_rule(site->domain, target);
  if (reference.has_query) target.append("?").append(reference.query);
  const std::string key = key_target(target, site->domain.key_rule);
  const auto base = cache::base_id(key_host, key);
  std::string scratch;
  auto found = server.store().lookup(cache::primary_key(key_host, key), [&](std::string_view names) {
    return variant_of(names, http::Fields(), scratch);
  });
  out["key"] = key_host + key;
  out["config_seq"] = config->snapshot ? config->snapshot->seq.value : 0;
  out["purge_seq"] = server.store().purges().applied().value;
  if (rule != nullptr) out["rule"] = {{"pattern", rule->pattern}, {"ttl_s", rule->ttl.count()}};
  if (found.rule) out["varies_by"] = found.rule->names();
  if (found.object) out["stored"] = describe(*found.object, now);
  if (found.object && is_sliced(*found.object)) out["slices"] = describe_slices(server, found.object);
  out["verdict"] = verdict_of(found, site->profile, now);
  auto& ask = out["would_ask"] = nlohmann::json::array();
  const MonoTime mono = SystemClock::instance().mono();
  for (const Peer* peer : choose_peers(config->peers, base.value, mono)) ask.push_back(to_string(peer->endpoint));
  for (const Candidate& origin : choose_origins(site->origins, *site->servers, base.value, true, mono)) {
    ask.push_back(origin.state->name);
  }
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace yz::edge
