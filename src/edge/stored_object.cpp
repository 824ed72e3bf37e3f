#include "edge/stored_object.h"

#include <cstring>

#include "base/text.h"
#include "http/cdn_loop.h"
#include "http/date.h"
#include "http/hop_by_hop.h"
#include "http/response_parser.h"
#include "http/vary.h"

namespace yz::edge {
namespace {

std::uint8_t flags_of(const http::StoredPolicy& policy) {
  const unsigned flags = (policy.heuristic ? kHeuristic : 0U) | (policy.no_cache ? kNoCache : 0U) |
                         (policy.never_stale ? kNeverStale : 0U) | (policy.has_validator ? kHasValidator : 0U) |
                         (policy.stale_if_error >= std::chrono::seconds(0) ? kHasStaleIfError : 0U);
  return static_cast<std::uint8_t>(flags);
}

bool is_kept(const http::Field& field, http::Fields response) {
  if (http::is_hop_by_hop(field, response) || http::is_internal(field)) return false;
  return field.id != http::FieldId::kAge && field.id != http::FieldId::kContentLength &&
         field.id != http::FieldId::kVia;
}

}  // namespace

http::StoredPolicy policy_of(const cache::Object& object) {
  http::StoredPolicy policy;
  const std::uint32_t flags = object.flags();
  policy.response_time = object.response_time();
  policy.initial_age = object.initial_age();
  policy.lifetime = object.lifetime();
  policy.stale_while_revalidate = object.stale_while_revalidate();
  policy.stale_if_error = (flags & kHasStaleIfError) != 0 ? object.stale_if_error() : std::chrono::seconds(-1);
  policy.heuristic = (flags & kHeuristic) != 0;
  policy.no_cache = (flags & kNoCache) != 0;
  policy.never_stale = (flags & kNeverStale) != 0;
  policy.has_validator = (flags & kHasValidator) != 0;
  return policy;
}

ObjectExtra extra_of(const cache::Object& object) {
  ObjectExtra out;
  out.length = object.content_length();
  out.date = object.extra();
  if (is_sliced(object) && out.date.size() >= sizeof out.slice_size) {
    std::memcpy(&out.slice_size, out.date.data(), sizeof out.slice_size);
    out.date.remove_prefix(sizeof out.slice_size);
  }
  return out;
}

std::uint64_t representation_length(const cache::Object& object) {
  return is_sliced(object) ? extra_of(object).length.value_or(0) : object.body_size();
}

StoredValidators::StoredValidators(const cache::Object& object) {
  const auto add = [&](http::FieldId id, std::string_view value) {
    if (!value.empty()) lines_[count_++] = {http::name_of(id), value, id};
  };
  add(http::FieldId::kEtag, object.etag());
  add(http::FieldId::kLastModified, object.last_modified());
  add(http::FieldId::kDate, extra_of(object).date);
}

http::HeaderMap stored_fields(const cache::Object& object) {
  const std::string head = std::string(object.head_before_age()) + std::string(object.head_after_age()) + "\r\n";
  auto parsed = std::make_unique<http::ResponseHead>();
  http::ResponseParser parser;
  if (parser.parse(head, http::Method::kHead, *parsed).state != http::Progress::kComplete) return {};
  return http::HeaderMap(parsed->fields);
}

ObjectDraft::ObjectDraft(http::StatusCode status, http::Fields response, const http::StoredPolicy& policy,
                         WallTime request_time, std::optional<std::uint64_t> length, std::string_view via) {
  for (const http::Field& field : response) {
    if (is_kept(field, response)) fields_.add(field.name, field.value);
  }
  if (!fields_.has(http::FieldId::kDate)) {
    // RFC 9110 §6.6.1: a recipient with a clock adds the Date an origin left out.
    fields_.add(http::FieldId::kDate,
                http::DateText(std::chrono::floor<std::chrono::seconds>(policy.response_time)).text());
  }
  fields_.add(http::FieldId::kVia, http::via_value(response, http::Version::kHttp11, via));
  http::write_status_line(head_, status);
  fields_.write_to(head_);

  write_extra(0);
  meta_.status = static_cast<std::uint16_t>(status);
  meta_.flags = flags_of(policy);
  if (fields_.has(http::FieldId::kContentRange)) meta_.flags |= kNoRanges;
  meta_.request_time = request_time;
  meta_.response_time = policy.response_time;
  meta_.initial_age = policy.initial_age;
  meta_.lifetime = policy.lifetime;
  meta_.stale_while_revalidate = policy.stale_while_revalidate;
  meta_.stale_if_error = std::max(policy.stale_if_error, std::chrono::seconds(0));
  meta_.content_length = length;
  meta_.head_before_age = head_;
  meta_.etag = fields_.fields().single(http::FieldId::kEtag).value_or("");
  meta_.last_modified = fields_.fields().single(http::FieldId::kLastModified).value_or("");
}

void ObjectDraft::write_extra(std::uint32_t slice_size) {
  extra_.clear();
  if (slice_size > 0) extra_.append(reinterpret_cast<const char*>(&slice_size), sizeof slice_size);
  extra_.append(fields_.value(http::FieldId::kDate).value_or(""));
  meta_.extra = extra_;
}

void ObjectDraft::set_slices(std::uint32_t slice_size) {
  meta_.flags |= kSliced;
  write_extra(slice_size);
}

void ObjectDraft::place(const cache::CacheKey& key, cache::BaseId base, cache::Seq born, std::string_view host,
                        std::string_view target) {
  meta_.key = key;
  meta_.base = base;
  meta_.born = born;
  meta_.host = host;
  meta_.target = target;
  read_tags(fields_, host);
}

void ObjectDraft::read_tags(http::Fields response, std::string_view host) {
  tags_.clear();
  for (const http::Field& field : response) {
    if (field.id != http::FieldId::kCacheTag && field.id != http::FieldId::kSurrogateKey) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find_first_of(", \t"), rest.size());
      if (end > 0) tags_.push_back(cache::tag_id(host, rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  meta_.tags = tags_;
}

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out.push_back(',');
    out += name;
  }
  return out;
}

std::optional<Hash128> language_variant(std::string_view names, http::Fields request, std::string_view language,
                                        std::string& scratch) {
  bool varies = false;
  http::for_each_element(names, [&](std::string_view name) { varies = varies || name == "accept-language"; });
  if (!varies || language.empty()) return std::nullopt;
  http::HeaderMap plain(request);
  plain.set(http::FieldId::kAcceptLanguage, language);
  return variant_of(names, plain, scratch);
}

Hash128 variant_of(std::string_view names, http::Fields request, std::string& scratch) {
  Hash128 variant;
  while (!names.empty()) {
    const auto end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    scratch.clear();
    http::append_normalised(name, request, scratch);
    variant = cache::variant_with(variant, name, scratch);
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return variant;
}

}  // namespace yz::edge
