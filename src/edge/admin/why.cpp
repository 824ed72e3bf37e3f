#include "edge/admin/why.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/clock.h"
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

/// RFC 9111 §4.2 term by term.
nlohmann::json describe_freshness(const cache::Object& object, WallTime now) {
  const http::StoredPolicy policy = policy_of(object);
  const auto age = policy.age(now);
  nlohmann::json out;
  out["response_time"] = format_rfc3339(object.response_time());
  out["request_time"] = format_rfc3339(object.request_time());
  out["corrected_initial_age_s"] = policy.initial_age.count();
  out["resident_time_s"] = (age - policy.initial_age).count();
  out["current_age_s"] = age.count();
  out["lifetime_s"] = policy.lifetime.count();
  out["lifetime_from"] = policy.heuristic ? "heuristic (RFC 9111 §4.2.2)" : "origin or rule";
  out["fresh"] = policy.is_fresh(now);
  out["fresh_for_s"] = (policy.lifetime - age).count();
  out["stale_while_revalidate_s"] = policy.stale_while_revalidate.count();
  if (policy.stale_if_error >= std::chrono::seconds(0)) out["stale_if_error_s"] = policy.stale_if_error.count();
  out["no_cache"] = policy.no_cache;
  out["never_stale"] = policy.never_stale;
  return out;
}

std::string_view name_of(cache::PurgeVerdict verdict) {
  switch (verdict) {
    case cache::PurgeVerdict::kLive:
      return "live";
    case cache::PurgeVerdict::kStale:
      return "stale: purged softly";
    case cache::PurgeVerdict::kDead:
      return "dead";
  }
  return "";
}

nlohmann::json describe(EdgeServer& server, cache::Object& object, WallTime now) {
  nlohmann::json out;
  out["status"] = object.status();
  out["bytes"] = representation_length(object);
  out["etag"] = object.etag();
  out["last_modified"] = object.last_modified();
  out["head"] = object.head_before_age();
  out["freshness"] = describe_freshness(object, now);
  auto& purge = out["purge"];
  purge["born_seq"] = object.born().value;
  purge["verdict"] = name_of(server.store().purges().verdict(object));
  return out;
}

nlohmann::json describe(const model::CacheRule& rule) {
  constexpr std::array kMatches = {"all", "directory", "suffix", "exact"};
  constexpr std::array kActions = {"honour-origin", "ttl", "no-store"};
  nlohmann::json out;
  out["match"] = kMatches[static_cast<std::size_t>(rule.match)];
  out["pattern"] = rule.pattern;
  out["action"] = kActions[static_cast<std::size_t>(rule.action)];
  out["ttl_s"] = rule.ttl.count();
  out["priority"] = rule.priority;
  return out;
}

/// "Accept-Encoding: gzip", a line each.
http::HeaderMap fields_of(std::string_view lines) {
  http::HeaderMap out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    const auto colon = line.find(':');
    if (colon != std::string_view::npos) out.add(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
  }
  return out;
}

std::string_view verdict_of(const cache::Lookup& found, http::Fields request, http::Profile profile, WallTime now) {
  if (!found.object) return found.rule ? "miss: no variant for such a request" : "miss";
  if (found.object->is_soft_purged()) return "validate: purged softly";
  switch (http::decide_reuse(policy_of(*found.object), http::request_directives(request), profile, now)) {
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

std::string explain_url(EdgeServer& server, std::string_view url, std::string_view fields) {
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
  const Clock& clock = server.clock() != nullptr ? *server.clock() : SystemClock::instance();
  const WallTime now = clock.wall();
  const http::HeaderMap request = fields_of(fields);
  const std::string key_host = site->name.empty() ? to_lower(reference.authority) : site->name;
  std::string target(reference.path.empty() ? "/" : reference.path);
  const auto* rule = model::find_cache_rule(site->domain, target);
  if (reference.has_query) target.append("?").append(reference.query);
  const std::string key = key_target(target, site->domain.key_rule);
  const auto base = cache::base_id(key_host, key);
  std::string scratch;
  auto found = server.store().lookup(cache::primary_key(key_host, key),
                                     [&](std::string_view names) { return variant_of(names, request, scratch); });
  out["key"] = key_host + key;
  out["config_seq"] = config->snapshot ? config->snapshot->seq.value : 0;
  out["purge_seq"] = server.store().purges().applied().value;
  out["profile"] = site->profile == http::Profile::kRfc ? "rfc" : "safe";
  if (rule != nullptr) out["rule"] = describe(*rule);
  if (!is_unambiguous(target.substr(0, target.find('?')))) {
    out["not_cached"] = "servers read this path in different ways";
  }
  if (found.rule) out["varies_by"] = found.rule->names();
  const bool may_recall = server.store().may_recall(found);
  out["on_disk"] = may_recall;
  if (found.object) out["stored"] = describe(server, *found.object, now);
  if (server.backoff().is_waiting(found.key.slot(), clock.mono())) {
    out["backoff"] = "its validation failed a moment ago; it is not validated again yet";
  }
  if (found.object && is_sliced(*found.object)) out["slices"] = describe_slices(server, found.object);
  out["verdict"] = may_recall ? "not in memory; read from disk first" : verdict_of(found, request, site->profile, now);
  auto& ask = out["would_ask"] = nlohmann::json::array();
  const MonoTime mono = SystemClock::instance().mono();
  for (const Peer* peer : choose_peers(config->peers, base.value, mono)) {
    if (!out.contains("owner")) out["owner"] = to_string(peer->endpoint);
    ask.push_back(to_string(peer->endpoint));
  }
  for (const Candidate& origin : choose_origins(site->origins, *site->servers, base.value, true, mono)) {
    ask.push_back(origin.state->name);
  }
  return out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace yz::edge
