#include "edge/transaction/caching_decision.h"

#include <algorithm>

#include "http/header_map.h"
#include "http/path_type.h"

namespace yz::edge {
namespace {

using std::chrono::seconds;

/// model::CacheAction::kTtl: fresh for the rule's time whatever the origin says, save no-store and private.
void override_lifetime(http::ResponseDirectives& directives, seconds ttl) {
  directives.s_maxage.reset();
  directives.max_age = ttl;
  directives.no_cache = directives.must_revalidate = directives.proxy_revalidate = false;
  directives.is_public = true;
}

http::HeaderMap without_cookies(http::Fields fields) {
  http::HeaderMap out(fields);
  out.remove(http::FieldId::kSetCookie);
  return out;
}

}  // namespace

CachingDecision decide_caching(const Site& site, const model::CacheRule* rule, const Arrival& arrival) {
  const bool is_safe = site.profile == http::Profile::kSafe;
  const bool is_error = arrival.status >= 400;
  const bool is_deception =
      is_safe && !is_error &&
      http::contradicts_extension(arrival.path, arrival.response.value(http::FieldId::kContentType).value_or(""));
  const bool has_rule = rule != nullptr && rule->ttl > seconds(0) && !is_deception;
  const bool overrides = has_rule && rule->action == model::CacheAction::kTtl && !is_error;

  http::ResponseDirectives directives = http::response_directives(arrival.response);
  if (overrides) override_lifetime(directives, rule->ttl);
  http::Lifetime lifetime = http::freshness_lifetime(arrival.status, arrival.response, directives, arrival.now);
  const bool names_none =
      !lifetime.is_explicit && !directives.no_cache && http::is_heuristically_cacheable(arrival.status);
  if (has_rule && rule->action == model::CacheAction::kHonourOrigin && names_none) {
    lifetime = {rule->ttl, false, true};
  }
  const bool is_own_word = lifetime.is_explicit && !overrides && !(has_rule && names_none);
  if (is_safe && is_error && !is_own_word) lifetime.value = std::min(lifetime.value, kNegativeLifetime);

  CachingDecision out;
  out.is_explicit = is_own_word;
  out.policy = http::stored_policy(arrival.status, arrival.response, directives, arrival.asked_at, arrival.now);
  out.policy.lifetime = lifetime.value;
  out.policy.heuristic = lifetime.heuristic;
  out.strips_cookies = is_safe && overrides && arrival.response.has(http::FieldId::kSetCookie);
  if (is_deception && !lifetime.is_explicit) {
    out.verdict = http::Storability::kContentType;
    return out;
  }
  const http::HeaderMap stripped = out.strips_cookies ? without_cookies(arrival.response) : http::HeaderMap();
  out.verdict = http::decide_storability(arrival.method, arrival.request, arrival.status,
                                         out.strips_cookies ? stripped.fields() : arrival.response, directives,
                                         lifetime, site.profile);
  return out;
}

}  // namespace yz::edge
