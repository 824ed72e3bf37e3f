#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace yz::store {

/// Every point where the engines' SQL differs, in one place. Constant; any thread.
class Dialect {
 public:
  virtual ~Dialect() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;

  /// Migration text for this engine: expands `{id}` (generated 64-bit key), `{u64}` (64-bit integer), `{key}` (text
  /// of up to 255 characters, compared byte for byte, may be indexed), `{text}` (text of any length, not indexed) and
  /// `{table}` (what follows a CREATE TABLE's closing parenthesis) or `{clustered}` (the same; rows lie in key order).
  [[nodiscard]] std::string render(std::string_view migration) const;

  /// What follows an INSERT so that an existing row of the unique key `keys` gets the new row's `columns` instead.
  [[nodiscard]] virtual std::string or_replace(std::string_view keys,
                                               std::initializer_list<std::string_view> columns) const = 0;
  /// The same, adding the new row's `columns` to the existing ones of `table`.
  [[nodiscard]] virtual std::string or_add(std::string_view table, std::string_view keys,
                                           std::initializer_list<std::string_view> columns) const = 0;
  /// What follows a SELECT whose rows the transaction is going to change.
  [[nodiscard]] virtual std::string_view for_update() const = 0;

  /// The statements that begin a transaction; one for reading sees the state of one moment.
  [[nodiscard]] virtual std::span<const std::string_view> begin_write() const = 0;
  [[nodiscard]] virtual std::span<const std::string_view> begin_read() const = 0;
  /// Whether DDL takes part in transactions; otherwise migrations are serialised by a named lock and repeatable.
  [[nodiscard]] virtual bool has_transactional_ddl() const = 0;

  static const Dialect& sqlite();
  static const Dialect& mysql();

 private:
  [[nodiscard]] virtual std::string_view expansion(std::string_view word) const = 0;
};

}  // namespace yz::store
