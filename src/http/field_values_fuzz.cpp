#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "base/result.h"
#include "http/authority.h"
#include "http/cache_control.h"
#include "http/cdn_loop.h"
#include "http/date.h"
#include "http/entity_tag.h"
#include "http/header_map.h"
#include "http/invalidation.h"
#include "http/range.h"
#include "http/structured_field.h"
#include "http/vary.h"

namespace {

using namespace yz::http;

const yz::WallTime kNow{std::chrono::seconds(1'700'000'000)};

/// RFC 8941 §3.1.2, §3.3.1: what a dictionary may hold.
void dictionary(std::string_view text) {
  const auto members = parse_dictionary(text);
  if (!members) return;
  std::set<std::string> keys;
  for (const SfMember& member : *members) {
    YZ_ASSERT(keys.insert(member.key).second);
    YZ_ASSERT(!member.key.empty() &&
              member.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.*") == std::string::npos);
    if (const auto* number = std::get_if<std::int64_t>(&member.value)) {
      YZ_ASSERT(*number <= 999'999'999'999'999 && *number >= -999'999'999'999'999);
    }
  }
}

/// Ranges lie within the length, apart from each other, and can be told to a client.
void ranges(std::string_view text) {
  if (text.size() < 2) return;
  const std::uint64_t length = static_cast<unsigned char>(text[0]) * 256U + static_cast<unsigned char>(text[1]);
  const RangeSet set = RangeSet::parse(text.substr(2), length);
  const auto all = set.ranges();
  YZ_ASSERT((set.kind() == RangeSet::Kind::kPartial) == !all.empty() && all.size() <= RangeSet::kMost);
  for (const ByteRange& one : all) {
    YZ_ASSERT(one.first <= one.last && one.last < length);
    const auto told = parse_content_range(content_range(one, length));
    YZ_ASSERT(told && told->range == one && told->total == length);
    for (const ByteRange& other : all) {
      YZ_ASSERT(&one == &other || one.last + 1 < other.first || other.last + 1 < one.first);
    }
  }
  if (all.empty()) return;
  const MultipartRanges parts = make_multipart(all, length, "text/plain", "b");
  std::uint64_t size = parts.tail.size();
  for (std::size_t i = 0; i < all.size(); ++i) size += parts.heads[i].size() + all[i].length();
  YZ_ASSERT(size == parts.content_length);
}

void content_ranges(std::string_view text) {
  const auto given = parse_content_range(text);
  YZ_ASSERT(!given || (given->range.first <= given->range.last && given->range.last < given->total));
}

/// A date that was read is read again from what we write of it.
void dates(std::string_view text) {
  const auto date = parse_date(text, kNow);
  if (date) YZ_ASSERT(parse_date(DateText(*date).text(), kNow) == date);
}

void tags(std::string_view text) {
  const auto tag = parse_entity_tag(text);
  if (tag) YZ_ASSERT(tag->opaque.size() >= 2 && tag->opaque.front() == '"' && tag->opaque.back() == '"');
}

void authorities(std::string_view text) {
  const auto authority = parse_authority(text);
  if (!authority) return;
  YZ_ASSERT(!authority->host.empty() && same_authority(*authority, *authority, "http"));
  const std::string again =
      std::string(authority->host) + (authority->port == 0 ? "" : ":" + std::to_string(authority->port));
  const auto same = parse_authority(again);
  YZ_ASSERT(same && same->host == authority->host && same->port == authority->port);
}

/// What a Location leads to on our own site is a path, and stays the same when it is resolved again.
void references(std::string_view text) {
  (void)split_reference(text);
  const auto target = resolve_on_origin("http", "a.com", "/x/y?z", text);
  if (!target) return;
  YZ_ASSERT(target->starts_with('/'));
  if (!target->starts_with("//")) YZ_ASSERT(resolve_on_origin("http", "a.com", "/", *target) == target);
}

void lists(std::string_view text) {
  HeaderMap fields;
  for (const char* name :
       {"Cache-Control", "CDN-Cache-Control", "Pragma", "CDN-Loop", "Vary", "Accept-Language", "Accept-Encoding"}) {
    fields.add(name, text);
  }
  (void)response_directives(fields);
  (void)request_directives(fields);
  YZ_ASSERT(count_in_loop(fields, "us") <= text.size());
  (void)preferred_language(fields);
  std::string scratch;
  YZ_ASSERT(variant_key(varying_fields(fields), fields, scratch) ==
            variant_key(varying_fields(fields), fields, scratch));
  add_loop_and_via(fields, "us", Version::kHttp11, "name");
  YZ_ASSERT(count_in_loop(fields, "us") >= 1);
}

}  // namespace

/// The first byte says which kind of value the rest is.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr void (*kKinds[])(std::string_view) = {dictionary, ranges,      content_ranges, dates,
                                                  tags,       authorities, references,     lists};
  kKinds[data[0] % std::size(kKinds)](std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
  return 0;
}
