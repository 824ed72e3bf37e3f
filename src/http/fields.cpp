#include "http/fields.h"

#include "base/text.h"

namespace yz::http {

const Field* Fields::find(FieldId id) const {
  for (const Field& field : lines_) {
    if (field.id == id) return &field;
  }
  return nullptr;
}

const Field* Fields::find(std::string_view name) const {
  for (const Field& field : lines_) {
    if (equals_ignoring_case(field.name, name)) return &field;
  }
  return nullptr;
}

std::optional<std::string_view> Fields::value(FieldId id) const {
  const Field* field = find(id);
  return field == nullptr ? std::nullopt : std::optional(field->value);
}

std::optional<std::string_view> Fields::single(FieldId id) const { return count(id) == 1 ? value(id) : std::nullopt; }

std::size_t Fields::count(FieldId id) const {
  std::size_t n = 0;
  for (const Field& field : lines_) n += field.id == id ? 1U : 0U;
  return n;
}

std::string Fields::combined(std::string_view name) const {
  std::string out;
  bool first = true;
  for (const Field& field : lines_) {
    if (!equals_ignoring_case(field.name, name)) continue;
    if (!first) out += ", ";
    out += field.value;
    first = false;
  }
  return out;
}

bool lists_token(Fields fields, FieldId id, std::string_view token) {
  bool found = false;
  for_each_element(fields, id,
                   [&](std::string_view element) { found = found || equals_ignoring_case(element, token); });
  return found;
}

}  // namespace yz::http
