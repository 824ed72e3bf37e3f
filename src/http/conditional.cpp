#include "http/conditional.h"

#include "http/date.h"
#include "http/entity_tag.h"

namespace yz::http {
namespace {

std::optional<DateTime> read_date(Fields fields, FieldId id, WallTime now) {
  const auto text = fields.single(id);
  return text ? parse_date(*text, now) : std::nullopt;
}

bool none_match_hits(Fields request, Fields stored) {
  const auto text = stored.single(FieldId::kEtag);
  const auto have = text ? parse_entity_tag(*text) : std::nullopt;
  bool hit = false;
  for_each_element(request, FieldId::kIfNoneMatch, [&](std::string_view element) {
    if (element == "*") {
      hit = true;
      return;
    }
    const auto want = parse_entity_tag(element);
    hit = hit || (want && have && weakly_equal(*want, *have));
  });
  return hit;
}

}  // namespace

bool has_preconditions(Fields request) {
  return request.has(FieldId::kIfNoneMatch) || request.has(FieldId::kIfModifiedSince);
}

Precondition evaluate_preconditions(Method method, Fields request, Fields stored, WallTime now) {
  if (method != Method::kGet && method != Method::kHead) return Precondition::kProceed;
  if (request.has(FieldId::kIfNoneMatch)) {
    return none_match_hits(request, stored) ? Precondition::kNotModified : Precondition::kProceed;
  }
  const auto since = read_date(request, FieldId::kIfModifiedSince, now);
  if (!since) return Precondition::kProceed;
  const auto modified = stored.has(FieldId::kLastModified) ? read_date(stored, FieldId::kLastModified, now)
                                                           : read_date(stored, FieldId::kDate, now);
  return modified && *modified <= *since ? Precondition::kNotModified : Precondition::kProceed;
}

bool range_condition_holds(Fields request, Fields stored, WallTime now) {
  if (!request.has(FieldId::kIfRange)) return true;
  const auto value = request.single(FieldId::kIfRange);
  if (!value) return false;
  if (value->starts_with('"') || value->starts_with("W/")) {
    const auto want = parse_entity_tag(*value);
    const auto text = stored.single(FieldId::kEtag);
    const auto have = text ? parse_entity_tag(*text) : std::nullopt;
    return want && have && strongly_equal(*want, *have);
  }
  const auto want = parse_date(*value, now);
  const auto modified = read_date(stored, FieldId::kLastModified, now);
  const auto date = read_date(stored, FieldId::kDate, now);
  return want && modified && date && *want == *modified && *date - *modified >= std::chrono::seconds(1);
}

bool belongs_in_not_modified(FieldId id) {
  switch (id) {
    case FieldId::kContentLength:
    case FieldId::kContentEncoding:
    case FieldId::kContentLanguage:
    case FieldId::kContentRange:
    case FieldId::kContentType:
    case FieldId::kTransferEncoding:
    case FieldId::kTrailer:
      return false;
    default:
      return true;
  }
}

}  // namespace yz::http
