#include "http/strong_validator.h"

#include "http/date.h"
#include "http/entity_tag.h"

namespace yz::http {

std::optional<StrongValidator> strong_validator(Fields response, WallTime now) {
  if (response.has(FieldId::kEtag)) {
    const auto text = response.single(FieldId::kEtag);
    const auto tag = text ? parse_entity_tag(*text) : std::nullopt;
    if (!tag || tag->weak) return std::nullopt;
    return StrongValidator{false, std::string(*text)};
  }
  const auto modified_text = response.single(FieldId::kLastModified);
  const auto date_text = response.single(FieldId::kDate);
  if (!modified_text || !date_text) return std::nullopt;
  const auto modified = parse_date(*modified_text, now);
  const auto date = parse_date(*date_text, now);
  if (!modified || !date || *date - *modified < std::chrono::seconds(1)) return std::nullopt;
  return StrongValidator{true, std::string(*modified_text)};
}

SameVersion compare_version(const StrongValidator& validator, Fields response) {
  const FieldId id = validator.is_date ? FieldId::kLastModified : FieldId::kEtag;
  if (!response.has(id)) return SameVersion::kUnsaid;
  return response.single(id) == validator.text ? SameVersion::kSame : SameVersion::kOther;
}

}  // namespace yz::http
