#include "http/freshness.h"

#include <algorithm>

#include "base/text.h"
#include "http/date.h"

namespace yz::http {
namespace {

DateTime to_seconds(WallTime time) { return std::chrono::floor<seconds>(time); }

/// The Date field, or the time of arrival (RFC 9110 §6.6.1).
DateTime date_value(Fields response, WallTime response_time) {
  const auto text = response.value(FieldId::kDate);
  const auto date = text ? parse_date(*text, response_time) : std::nullopt;
  return date.value_or(to_seconds(response_time));
}

seconds expires_lifetime(Fields response, WallTime response_time) {
  const auto text = response.single(FieldId::kExpires);
  const auto expires = text ? parse_date(*text, response_time) : std::nullopt;
  if (!expires) return seconds(0);
  return std::max(*expires - date_value(response, response_time), seconds(0));
}

seconds heuristic_lifetime(Fields response, WallTime response_time, const HeuristicRules& rules) {
  const auto text = response.single(FieldId::kLastModified);
  const auto modified = text ? parse_date(*text, response_time) : std::nullopt;
  if (!modified) return seconds(0);
  const seconds unchanged = date_value(response, response_time) - *modified;
  return std::clamp(unchanged * rules.percent / 100, seconds(0), rules.longest);
}

/// The first member of the first line (RFC 9111 §5.1).
seconds age_value(Fields response) {
  const auto text = response.value(FieldId::kAge);
  if (!text) return seconds(0);
  const std::string_view first = trim(text->substr(0, text->find(',')));
  if (first.empty() || first.find_first_not_of("0123456789") != std::string_view::npos) return seconds(0);
  const auto value = parse_u64(first);
  if (!value || *value > static_cast<std::uint64_t>(kLongestDelta.count())) return kLongestDelta;
  return seconds(static_cast<seconds::rep>(*value));
}

}  // namespace

bool is_heuristically_cacheable(StatusCode status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 206:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
      return true;
    default:
      return false;
  }
}

Lifetime freshness_lifetime(StatusCode status, Fields response, const ResponseDirectives& directives,
                            WallTime response_time, const HeuristicRules& rules) {
  if (directives.s_maxage) return {*directives.s_maxage, false, true};
  if (directives.max_age) return {*directives.max_age, false, true};
  if (!directives.targeted && response.has(FieldId::kExpires)) {
    return {expires_lifetime(response, response_time), false, true};
  }
  if (is_heuristically_cacheable(status) || directives.is_public) {
    return {heuristic_lifetime(response, response_time, rules), true, false};
  }
  return {};
}

seconds corrected_initial_age(Fields response, WallTime request_time, WallTime response_time) {
  const seconds apparent = std::max(to_seconds(response_time) - date_value(response, response_time), seconds(0));
  const seconds delay = std::max(std::chrono::floor<seconds>(response_time - request_time), seconds(0));
  return std::max(apparent, age_value(response) + delay);
}

StoredPolicy stored_policy(StatusCode status, Fields response, const ResponseDirectives& directives,
                           WallTime request_time, WallTime response_time, const HeuristicRules& rules) {
  const Lifetime lifetime = freshness_lifetime(status, response, directives, response_time, rules);
  StoredPolicy out;
  out.response_time = response_time;
  out.initial_age = corrected_initial_age(response, request_time, response_time);
  out.lifetime = lifetime.value;
  out.heuristic = lifetime.heuristic;
  out.stale_while_revalidate = directives.stale_while_revalidate.value_or(seconds(0));
  out.stale_if_error = directives.stale_if_error.value_or(seconds(-1));
  out.no_cache = directives.no_cache;
  out.never_stale = directives.no_cache || directives.must_revalidate || directives.proxy_revalidate ||
                    directives.s_maxage.has_value();
  out.has_validator = response.has(FieldId::kEtag) || response.has(FieldId::kLastModified);
  return out;
}

Reuse decide_reuse(const StoredPolicy& stored, const RequestDirectives& request, Profile profile, WallTime now) {
  if (stored.no_cache) return Reuse::kValidate;
  const seconds age = stored.age(now);
  const seconds left = stored.lifetime - age;  // negative: stale since then
  if (profile == Profile::kRfc) {
    if (request.no_cache) return Reuse::kValidate;
    if (request.max_age && age > *request.max_age) {
      // §5.2.1.1: unless max-stale is also there.
      if (!request.max_stale_any && !request.max_stale) return Reuse::kValidate;
    }
    if (request.min_fresh && left < *request.min_fresh) return Reuse::kValidate;
  }
  if (left > seconds(0)) return Reuse::kServe;
  if (stored.never_stale) return Reuse::kValidate;
  if (profile == Profile::kRfc) {
    if (request.max_stale_any || (request.max_stale && -left <= *request.max_stale)) return Reuse::kServe;
  }
  return -left < stored.stale_while_revalidate ? Reuse::kServeAndRevalidate : Reuse::kValidate;
}

bool may_serve_on_error(const StoredPolicy& stored, seconds site_default, WallTime now) {
  if (stored.never_stale) return false;
  const seconds stale_for = stored.age(now) - stored.lifetime;
  const seconds allowed = stored.stale_if_error >= seconds(0) ? stored.stale_if_error : site_default;
  return stale_for < allowed || stale_for < seconds(0);
}

}  // namespace yz::http
