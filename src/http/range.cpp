#include "http/range.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "http/fields.h"

namespace yz::http {
namespace {

enum class Spec { kBad, kMisses, kHits };

/// One range-spec: "5-9", "5-" or "-5" (RFC 9110 §14.1.1).
Spec parse_spec(std::string_view text, std::uint64_t length, ByteRange& out) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return Spec::kBad;
  const std::string_view before = text.substr(0, dash);
  const std::string_view after = text.substr(dash + 1);
  const auto last = parse_u64(after);
  if (!after.empty() && !last) return Spec::kBad;
  if (before.empty()) {
    if (!last) return Spec::kBad;
    if (*last == 0 || length == 0) return Spec::kMisses;
    out = {length - std::min(*last, length), length - 1};
    return Spec::kHits;
  }
  const auto first = parse_u64(before);
  if (!first || (last && *last < *first)) return Spec::kBad;
  if (*first >= length) return Spec::kMisses;
  out = {*first, last ? std::min(*last, length - 1) : length - 1};
  return Spec::kHits;
}

bool touch(const ByteRange& a, const ByteRange& b) { return a.first <= b.last + 1 && b.first <= a.last + 1; }

}  // namespace

RangeSet RangeSet::parse(std::string_view field, std::uint64_t length) {
  RangeSet out;
  constexpr std::string_view kUnit = "bytes=";
  if (field.size() < kUnit.size() || !equals_ignoring_case(field.substr(0, kUnit.size()), kUnit)) return out;
  bool bad = false;
  std::size_t specs = 0;
  for_each_element(field.substr(kUnit.size()), [&](std::string_view element) {
    ByteRange range;
    const Spec spec = ++specs > kMost ? Spec::kBad : parse_spec(element, length, range);
    if (spec == Spec::kBad) bad = true;
    if (spec == Spec::kHits && !bad) out.ranges_[out.count_++] = range;
  });
  if (bad || specs == 0) return {};
  out.kind_ = out.count_ == 0 ? Kind::kUnsatisfiable : Kind::kPartial;
  out.join_overlaps();
  return out;
}

void RangeSet::join_overlaps() {
  for (bool joined = true; joined;) {
    joined = false;
    for (std::size_t i = 0; i < count_ && !joined; ++i) {
      for (std::size_t j = i + 1; j < count_ && !joined; ++j) {
        if (!touch(ranges_[i], ranges_[j])) continue;
        ranges_[i] = {std::min(ranges_[i].first, ranges_[j].first), std::max(ranges_[i].last, ranges_[j].last)};
        std::copy(ranges_.begin() + static_cast<std::ptrdiff_t>(j) + 1,
                  ranges_.begin() + static_cast<std::ptrdiff_t>(count_),
                  ranges_.begin() + static_cast<std::ptrdiff_t>(j));
        --count_;
        joined = true;
      }
    }
  }
}

std::string content_range(const ByteRange& range, std::uint64_t length) {
  return fmt::format("bytes {}-{}/{}", range.first, range.last, length);
}

std::string unsatisfied_range(std::uint64_t length) { return fmt::format("bytes */{}", length); }

MultipartRanges make_multipart(std::span<const ByteRange> ranges, std::uint64_t length, std::string_view part_type,
                               std::string_view boundary) {
  MultipartRanges out;
  out.content_type = fmt::format("multipart/byteranges; boundary={}", boundary);
  for (const ByteRange& range : ranges) {
    std::string head = fmt::format("\r\n--{}\r\n", boundary);
    if (!part_type.empty()) head += fmt::format("Content-Type: {}\r\n", part_type);
    head += fmt::format("Content-Range: {}\r\n\r\n", content_range(range, length));
    out.content_length += head.size() + range.length();
    out.heads.push_back(std::move(head));
  }
  out.tail = fmt::format("\r\n--{}--\r\n", boundary);
  out.content_length += out.tail.size();
  return out;
}

std::optional<ContentRange> parse_content_range(std::string_view field) {
  constexpr std::string_view kUnit = "bytes ";
  if (!field.starts_with(kUnit)) return std::nullopt;
  field.remove_prefix(kUnit.size());
  const auto dash = field.find('-');
  const auto slash = field.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_u64(field.substr(0, dash));
  const auto last = parse_u64(field.substr(dash + 1, slash - dash - 1));
  const auto total = parse_u64(field.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) return std::nullopt;
  return ContentRange{{*first, *last}, *total};
}

}  // namespace yz::http
