#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/field_id.h"

namespace yz::http {

/// One field line: views into whatever buffer holds the message. The value has no surrounding white space.
struct Field {
  std::string_view name;
  std::string_view value;
  FieldId id = FieldId::kOther;
};

/// The field lines of a message in their order, owned elsewhere. What all rules of this room take. Cheap to copy.
class Fields {
 public:
  Fields() = default;
  Fields(std::span<const Field> lines) : lines_(lines) {}  // NOLINT: a view, like string_view

  [[nodiscard]] auto begin() const { return lines_.begin(); }
  [[nodiscard]] auto end() const { return lines_.end(); }
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  [[nodiscard]] const Field& operator[](std::size_t i) const { return lines_[i]; }

  [[nodiscard]] bool has(FieldId id) const { return find(id) != nullptr; }
  /// The first line with this id, or null.
  [[nodiscard]] const Field* find(FieldId id) const;
  /// The first line with this name (any case), or null.
  [[nodiscard]] const Field* find(std::string_view name) const;
  /// The value of the first line, or none.
  [[nodiscard]] std::optional<std::string_view> value(FieldId id) const;
  /// The value when there is exactly one line; none when there is none or more than one (singleton fields, RFC 9110
  /// §5.3).
  [[nodiscard]] std::optional<std::string_view> single(FieldId id) const;
  [[nodiscard]] std::size_t count(FieldId id) const;
  /// All lines of a name joined by ", " (RFC 9110 §5.3). Allocates.
  [[nodiscard]] std::string combined(std::string_view name) const;

 private:
  std::span<const Field> lines_;
};

/// The fixed array a parser fills: no allocation, first line of a known id found in O(1).
class FieldList {
 public:
  static constexpr std::size_t kCapacity = 128;

  void clear() {
    size_ = 0;
    first_.fill(0);
  }
  /// False when the list is full.
  [[nodiscard]] bool add(const Field& field) {
    if (size_ == kCapacity) return false;
    lines_[size_++] = field;
    auto& first = first_[static_cast<std::size_t>(field.id)];
    if (first == 0) first = static_cast<std::uint8_t>(size_);
    return true;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Field& operator[](std::size_t i) const { return lines_[i]; }
  [[nodiscard]] const Field* begin() const { return lines_.data(); }
  [[nodiscard]] const Field* end() const { return lines_.data() + size_; }

  [[nodiscard]] bool has(FieldId id) const { return find(id) != nullptr; }
  /// The first line with this id, or null; not for kOther.
  [[nodiscard]] const Field* find(FieldId id) const {
    const std::size_t first = first_[static_cast<std::size_t>(id)];
    return first == 0 ? nullptr : &lines_[first - 1];
  }
  [[nodiscard]] const Field* find(std::string_view name) const { return all().find(name); }
  [[nodiscard]] std::optional<std::string_view> value(FieldId id) const {
    const Field* field = find(id);
    return field == nullptr ? std::nullopt : std::optional(field->value);
  }
  [[nodiscard]] Fields all() const { return Fields(std::span(lines_.data(), size_)); }
  operator Fields() const { return all(); }  // NOLINT: every rule takes Fields

 private:
  std::array<Field, kCapacity> lines_{};
  std::array<std::uint8_t, kFieldIds> first_{};
  std::size_t size_ = 0;
};

/// Calls `visit(element)` for each non-empty element of a comma-separated list (RFC 9110 §5.6.1), white space trimmed.
/// Commas inside quoted strings do not separate; an unterminated string runs to the end.
template <typename Visit>
void for_each_element(std::string_view list, Visit&& visit) {
  std::size_t start = 0;
  bool quoted = false;
  const auto emit = [&](std::size_t end) {
    std::size_t first = start;
    while (first < end && (list[first] == ' ' || list[first] == '\t')) ++first;
    while (end > first && (list[end - 1] == ' ' || list[end - 1] == '\t')) --end;
    if (end > first) visit(list.substr(first, end - first));
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (quoted && list[i] == '\\') {
      ++i;
    } else if (list[i] == '"') {
      quoted = !quoted;
    } else if (list[i] == ',' && !quoted) {
      emit(i);
      start = i + 1;
    }
  }
  emit(list.size());
}

/// The same over every line with this id.
template <typename Visit>
void for_each_element(Fields fields, FieldId id, Visit&& visit) {
  for (const Field& field : fields) {
    if (field.id == id) for_each_element(field.value, visit);
  }
}

/// True when a line with this id lists the token, in any case.
[[nodiscard]] bool lists_token(Fields fields, FieldId id, std::string_view token);

}  // namespace yz::http
