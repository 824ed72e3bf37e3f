#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/block_pool.h"
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
  HeaderMap(HeaderMap&& other) noexcept;
  HeaderMap& operator=(HeaderMap&& other) noexcept;
  ~HeaderMap() = default;

  /// Appends a line.
  void add(std::string_view name, std::string_view value);
  void add(FieldId id, std::string_view value) { add_line(name_of(id), value, id); }
  /// The same with the name's id as already found.
  void add(const Field& field) { add_line(field.name, field.value, field.id); }
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
  void add_line(std::string_view name, std::string_view value, FieldId id);
  std::string_view keep(std::string_view text);
  void open_block(std::size_t size);

  struct Release {
    std::size_t size;
    void operator()(char* block) const noexcept { BlockPool::release(block, size); }
  };
  using Block = std::unique_ptr<char[], Release>;

  std::vector<Field, PoolAllocator<Field>> lines_;
  Block block_;                // the text being added to; most messages need no other
  std::vector<Block> filled_;  // blocks that became full
  std::size_t block_used_ = 0;
  std::size_t block_size_ = 0;
};

/// "Name: value\r\n".
void append_field(std::string& out, std::string_view name, std::string_view value);
/// "HTTP/1.1 200 OK\r\n".
void write_status_line(std::string& out, int status);

}  // namespace yz::http
