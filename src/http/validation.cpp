#include "http/validation.h"

#include "base/text.h"
#include "http/entity_tag.h"
#include "http/hop_by_hop.h"

namespace yz::http {
namespace {

/// Fields that stay as they were stored, because the body does.
bool describes_stored_body(const Field& field) {
  return field.id == FieldId::kContentLength || field.id == FieldId::kContentEncoding ||
         field.id == FieldId::kContentRange || equals_ignoring_case(field.name, "Content-MD5");
}

}  // namespace

void make_conditional(HeaderMap& request, Fields stored) {
  for (const auto id : {FieldId::kIfMatch, FieldId::kIfNoneMatch, FieldId::kIfModifiedSince,
                        FieldId::kIfUnmodifiedSince, FieldId::kIfRange, FieldId::kRange}) {
    request.remove(id);
  }
  if (const auto tag = stored.single(FieldId::kEtag)) request.add(FieldId::kIfNoneMatch, *tag);
  if (const auto modified = stored.single(FieldId::kLastModified)) request.add(FieldId::kIfModifiedSince, *modified);
}

bool confirms(Fields not_modified, Fields stored) {
  const auto new_text = not_modified.value(FieldId::kEtag);
  const auto old_text = stored.value(FieldId::kEtag);
  if (new_text && old_text) {
    const auto fresh = parse_entity_tag(*new_text);
    const auto old = parse_entity_tag(*old_text);
    return fresh && old ? weakly_equal(*fresh, *old) : *new_text == *old_text;
  }
  if (new_text) return false;
  const auto new_date = not_modified.value(FieldId::kLastModified);
  const auto old_date = stored.value(FieldId::kLastModified);
  return !new_date || !old_date || *new_date == *old_date || old_text.has_value();
}

HeaderMap merge_fields(Fields stored, Fields fresh) {
  const auto updates = [&](const Field& field) {
    return !is_hop_by_hop(field, fresh) && !describes_stored_body(field);
  };
  HeaderMap out;
  for (const Field& old : stored) {
    const Field* replacement = old.id == FieldId::kOther ? fresh.find(old.name) : fresh.find(old.id);
    // A stored Age spoke of the old answer.
    if (old.id == FieldId::kAge || (replacement != nullptr && updates(*replacement))) continue;
    out.add(old.name, old.value);
  }
  for (const Field& field : fresh) {
    if (updates(field)) out.add(field.name, field.value);
  }
  return out;
}

HeadVerdict compare_head(Fields head, Fields stored, std::uint64_t stored_length) {
  const auto differs = [&](FieldId id) {
    const auto now = head.value(id);
    const auto then = stored.value(id);
    return now && then && *now != *then;
  };
  if (differs(FieldId::kEtag) || differs(FieldId::kLastModified)) return HeadVerdict::kInvalidate;
  if (const auto length = head.value(FieldId::kContentLength)) {
    const auto value = parse_u64(*length);
    if (value && *value != stored_length) return HeadVerdict::kInvalidate;
  }
  return HeadVerdict::kUpdate;
}

}  // namespace yz::http
