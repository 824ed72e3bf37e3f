#include "http/cache_control.h"

#include "base/text.h"
#include "http/scan.h"
#include "http/structured_field.h"

namespace yz::http {
namespace {

/// delta-seconds (RFC 9111 §1.2.2), as a token or quoted. Too large reads as kLongestDelta, unreadable as none.
std::optional<seconds> parse_delta(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
  }
  const auto value = parse_u64(text);
  if (!value || *value > static_cast<std::uint64_t>(kLongestDelta.count())) return kLongestDelta;
  return seconds(static_cast<seconds::rep>(*value));
}

struct Directive {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
};

template <typename Visit>
void for_each_directive(Fields fields, FieldId id, Visit&& visit) {
  for_each_element(fields, id, [&](std::string_view element) {
    const auto equals = element.find('=');
    const std::string_view name = element.substr(0, equals);
    if (!is_token(name)) return;
    const bool has_value = equals != std::string_view::npos;
    visit(Directive{name, has_value ? element.substr(equals + 1) : std::string_view(), has_value});
  });
}

void take_first(std::optional<seconds>& slot, const Directive& d) {
  if (!slot) slot = parse_delta(d.value).value_or(seconds(0));
}

void read_directive(const Directive& d, ResponseDirectives& out) {
  const auto is = [&](std::string_view name) { return equals_ignoring_case(d.name, name); };
  if (is("max-age")) return take_first(out.max_age, d);
  if (is("s-maxage")) return take_first(out.s_maxage, d);
  if (is("stale-while-revalidate")) return take_first(out.stale_while_revalidate, d);
  if (is("stale-if-error")) return take_first(out.stale_if_error, d);
  out.no_store |= is("no-store");
  out.no_cache |= is("no-cache");
  out.is_private |= is("private");
  out.is_public |= is("public");
  out.must_revalidate |= is("must-revalidate");
  out.proxy_revalidate |= is("proxy-revalidate");
  out.must_understand |= is("must-understand");
  out.no_transform |= is("no-transform");
}

/// One member of CDN-Cache-Control. False when a known directive has a value of the wrong type.
bool read_member(const SfMember& member, ResponseDirectives& out) {
  const auto delta = [&](std::optional<seconds>& slot) {
    const auto* value = std::get_if<std::int64_t>(&member.value);
    if (value == nullptr || *value < 0) return false;
    slot = std::min(seconds(*value), kLongestDelta);
    return true;
  };
  const auto flag = [&](bool& slot) {
    const auto* value = std::get_if<bool>(&member.value);
    // no-cache="a" and private="a" are the qualified forms.
    slot = value == nullptr || *value;
    return true;
  };
  if (member.key == "max-age") return delta(out.max_age);
  if (member.key == "s-maxage") return delta(out.s_maxage);
  if (member.key == "stale-while-revalidate") return delta(out.stale_while_revalidate);
  if (member.key == "stale-if-error") return delta(out.stale_if_error);
  if (member.key == "no-store") return flag(out.no_store);
  if (member.key == "no-cache") return flag(out.no_cache);
  if (member.key == "private") return flag(out.is_private);
  if (member.key == "public") return flag(out.is_public);
  if (member.key == "must-revalidate") return flag(out.must_revalidate);
  if (member.key == "proxy-revalidate") return flag(out.proxy_revalidate);
  if (member.key == "must-understand") return flag(out.must_understand);
  if (member.key == "no-transform") return flag(out.no_transform);
  return true;
}

std::optional<ResponseDirectives> targeted_directives(Fields response) {
  if (!response.has(FieldId::kCdnCacheControl)) return std::nullopt;
  const auto members = parse_dictionary(response.combined(name_of(FieldId::kCdnCacheControl)));
  if (!members || members->empty()) return std::nullopt;
  ResponseDirectives out;
  out.targeted = true;
  for (const SfMember& member : *members) {
    if (!read_member(member, out)) return std::nullopt;
  }
  return out;
}

/// Directives with a ";target" are for a surrogate of that name, so not for us.
std::optional<ResponseDirectives> surrogate_directives(Fields response) {
  if (!response.has(FieldId::kSurrogateControl)) return std::nullopt;
  ResponseDirectives out;
  out.targeted = true;
  bool any = false;
  for_each_directive(response, FieldId::kSurrogateControl, [&](const Directive& d) {
    if (d.value.find(';') != std::string_view::npos) return;
    if (d.name == "content") return;
    any = true;
    read_directive(d, out);
  });
  return any ? std::optional(out) : std::nullopt;
}

}  // namespace

ResponseDirectives response_directives(Fields response) {
  if (auto targeted = targeted_directives(response)) return *targeted;
  if (auto surrogate = surrogate_directives(response)) return *surrogate;
  ResponseDirectives out;
  for_each_directive(response, FieldId::kCacheControl, [&](const Directive& d) { read_directive(d, out); });
  return out;
}

RequestDirectives request_directives(Fields request) {
  RequestDirectives out;
  if (!request.has(FieldId::kCacheControl)) {
    out.no_cache = lists_token(request, FieldId::kPragma, "no-cache");
    return out;
  }
  for_each_directive(request, FieldId::kCacheControl, [&](const Directive& d) {
    const auto is = [&](std::string_view name) { return equals_ignoring_case(d.name, name); };
    if (is("max-age")) take_first(out.max_age, d);
    if (is("min-fresh")) take_first(out.min_fresh, d);
    if (is("max-stale") && d.has_value) take_first(out.max_stale, d);
    out.max_stale_any |= is("max-stale") && !d.has_value;
    out.no_store |= is("no-store");
    out.no_cache |= is("no-cache");
    out.only_if_cached |= is("only-if-cached");
  });
  return out;
}

}  // namespace yz::http
