#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/fields.h"

namespace yz::http {

/// Field lines that own their text, in order, for building messages and keeping them. Names keep their spelling.
/// Moves keep views from fields() valid; copies get text of their own.
class HeaderMap {
 public:
  HeaderMap() = default;
  explicit HeaderMap(Fields fields);
  HeaderMap(std::initializer_list<std::pair<std::string_view, std::string_view>> lines);
  HeaderMap(const HeaderMap& other) : HeaderMap(other.fields()) {}
  HeaderMap& operator=(const HeaderMap& other);
  HeaderMap(HeaderMap&&) = default;
  HeaderMap& operator=(HeaderMap&&) = default;
  ~HeaderMap() = default;

  /// Appends a line.
  void add(std::string_view name, std::string_view value);
  void add(FieldId id, std::string_view value) { add(name_of(id), value); }
  /// Replaces all lines of the name by one, at the place of the first.
  void set(std::string_view name, std::string_view value);
  void set(FieldId id, std::string_view value) { set(name_of(id), value); }
  void remove(FieldId id);
  void remove(std::string_view name);
  void clear();

  [[nodiscard]] Fields fields() const { return Fields(std::span(lines_)); }
  operator Fields() const { return fields(); }  // NOLINT: every rule takes Fields
  [[nodiscard]] bool has(FieldId id) const { return fields().has(id); }
  [[nodiscard]] std::optional<std::string_view> value(FieldId id) const { return fields().value(id); }
  [[nodiscard]] std::optional<std::string_view> value(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] auto begin() const { return lines_.begin(); }
  [[nodiscard]] auto end() const { return lines_.end(); }

  /// Appends "Name: value\r\n" for each line.
  void write_to(std::string& out) const;

 private:
  std::string_view keep(std::string_view text);

  std::vector<Field> lines_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_ = 0;
  std::size_t block_size_ = 0;
};

/// "HTTP/1.1 200 OK\r\n".
void write_status_line(std::string& out, int status);

}  // namespace yz::http
