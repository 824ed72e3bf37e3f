#include "http/part.h"

namespace yz::http {
namespace {

Part judge_partial(const ResponseHead& head, const StrongValidator& version, std::uint64_t total,
                   const ByteRange& asked) {
  const Fields fields = head.fields;
  const auto field = fields.single(FieldId::kContentRange);
  const auto given = field ? parse_content_range(*field) : std::nullopt;
  if (!given) return {PartVerdict::kUnusable, {}};
  const SameVersion same = compare_version(version, fields);
  if (same == SameVersion::kOther || given->total != total) return {PartVerdict::kChanged, {}};
  // Answering If-Range with a date, an origin may leave Last-Modified out (RFC 9110 §15.3.7); an ETag it may not.
  if (same == SameVersion::kUnsaid && !version.is_date) return {PartVerdict::kUnusable, {}};
  const bool is_asked = given->range.first == asked.first && given->range.last <= asked.last;
  const bool is_framed = head.framing != Framing::kLength || head.content_length == given->range.length();
  if (!is_asked || !is_framed || head.framing == Framing::kNone) return {PartVerdict::kUnusable, {}};
  return {PartVerdict::kPart, given->range};
}

}  // namespace

Part judge_part(const ResponseHead& head, const StrongValidator& version, std::uint64_t total, const ByteRange& asked) {
  if (head.status == 206) return judge_partial(head, version, total, asked);
  if (head.status == 200) {
    const bool is_framed = head.framing != Framing::kLength || head.content_length == total;
    const bool is_same = is_framed && compare_version(version, head.fields) == SameVersion::kSame;
    return {is_same ? PartVerdict::kWhole : PartVerdict::kChanged, {0, total - 1}};
  }
  if (head.status >= 500 || head.status == 408 || head.status == 429) return {PartVerdict::kFailed, {}};
  return {PartVerdict::kChanged, {}};
}

}  // namespace yz::http
