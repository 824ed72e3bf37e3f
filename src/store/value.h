#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/strong_id.h"

namespace yz::store {

/// One parameter of a statement: NULL, a 64-bit integer or bytes. Unsigned values above 2^63 - 1 keep their bits (they
/// come back equal through `Row::u64`, but order as negative numbers). Booleans are 0 and 1, times are milliseconds.
class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool v) : data_(static_cast<std::int64_t>(v)) {}
  Value(int v) : data_(static_cast<std::int64_t>(v)) {}
  Value(std::int64_t v) : data_(v) {}
  Value(std::uint32_t v) : data_(static_cast<std::int64_t>(v)) {}
  Value(std::uint64_t v) : data_(static_cast<std::int64_t>(v)) {}
  Value(WallTime v) : data_(static_cast<std::int64_t>(v.time_since_epoch().count())) {}
  Value(std::string v) : data_(std::move(v)) {}
  Value(std::string_view v) : data_(std::string(v)) {}
  Value(const char* v) : data_(std::string(v)) {}
  template <typename Tag, typename Rep>
  Value(StrongId<Tag, Rep> id) : Value(static_cast<std::uint64_t>(id.value)) {}
  template <typename T>
  Value(const std::optional<T>& v) {
    if (v) *this = Value(*v);
  }

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&data_); }

 private:
  std::variant<std::monostate, std::int64_t, std::string> data_;
};

/// One row of an answer. Columns count from 0, in the order of the SELECT. NULL reads as 0, "" or none.
class Row {
 public:
  explicit Row(std::vector<std::optional<std::string>> columns) : columns_(std::move(columns)) {}

  [[nodiscard]] bool is_null(std::size_t column) const { return !columns_.at(column); }
  /// Ends the process when the column does not hold an integer: the statement and its schema are ours.
  [[nodiscard]] std::int64_t i64(std::size_t column) const;
  [[nodiscard]] std::uint64_t u64(std::size_t column) const { return static_cast<std::uint64_t>(i64(column)); }
  [[nodiscard]] bool boolean(std::size_t column) const { return i64(column) != 0; }
  [[nodiscard]] WallTime time(std::size_t column) const { return WallTime(std::chrono::milliseconds(i64(column))); }
  [[nodiscard]] std::optional<WallTime> optional_time(std::size_t column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }
  [[nodiscard]] const std::string& text(std::size_t column) const;
  template <typename Id>
  [[nodiscard]] Id id(std::size_t column) const {
    return Id{static_cast<decltype(Id::value)>(u64(column))};
  }

 private:
  std::vector<std::optional<std::string>> columns_;
};

using Rows = std::vector<Row>;

}  // namespace yz::store
