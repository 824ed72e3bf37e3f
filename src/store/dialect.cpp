#include "store/dialect.h"

#include <fmt/format.h>

#include "base/result.h"

namespace yz::store {
namespace {

class SqliteDialect final : public Dialect {
 public:
  std::string_view name() const override { return "sqlite"; }

  std::string or_replace(std::string_view keys, std::initializer_list<std::string_view> columns) const override {
    return on_conflict(keys, columns,
                       [](std::string_view column) { return fmt::format("{0} = excluded.{0}", column); });
  }

  std::string or_add(std::string_view table, std::string_view keys,
                     std::initializer_list<std::string_view> columns) const override {
    return on_conflict(keys, columns, [table](std::string_view column) {
      return fmt::format("{0} = {1}.{0} + excluded.{0}", column, table);
    });
  }

  // The write lock is the transaction's from its start.
  std::string_view for_update() const override { return ""; }
  std::span<const std::string_view> begin_write() const override {
    static constexpr std::string_view kBegin[] = {"BEGIN IMMEDIATE"};
    return kBegin;
  }
  std::span<const std::string_view> begin_read() const override {
    static constexpr std::string_view kBegin[] = {"BEGIN"};
    return kBegin;
  }
  bool has_transactional_ddl() const override { return true; }

 private:
  template <typename Assignment>
  static std::string on_conflict(std::string_view keys, std::initializer_list<std::string_view> columns,
                                 Assignment assignment) {
    std::string text = fmt::format(" ON CONFLICT({}) DO UPDATE SET ", keys);
    std::string_view comma;
    for (const std::string_view column : columns) {
      text += comma;
      text += assignment(column);
      comma = ", ";
    }
    return text;
  }

  std::string_view expansion(std::string_view word) const override {
    if (word == "id") return "INTEGER PRIMARY KEY AUTOINCREMENT";
    if (word == "u64") return "INTEGER";
    if (word == "key" || word == "text") return "TEXT";
    if (word == "clustered") return " WITHOUT ROWID";
    return "";
  }
};

class MysqlDialect final : public Dialect {
 public:
  std::string_view name() const override { return "mysql"; }

  std::string or_replace(std::string_view, std::initializer_list<std::string_view> columns) const override {
    return on_duplicate(columns, [](std::string_view column) { return fmt::format("{0} = VALUES({0})", column); });
  }

  std::string or_add(std::string_view, std::string_view,
                     std::initializer_list<std::string_view> columns) const override {
    return on_duplicate(columns,
                        [](std::string_view column) { return fmt::format("{0} = {0} + VALUES({0})", column); });
  }

  std::string_view for_update() const override { return " FOR UPDATE"; }
  std::span<const std::string_view> begin_write() const override {
    static constexpr std::string_view kBegin[] = {"START TRANSACTION"};
    return kBegin;
  }
  std::span<const std::string_view> begin_read() const override {
    static constexpr std::string_view kBegin[] = {
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    };
    return kBegin;
  }
  bool has_transactional_ddl() const override { return false; }

 private:
  template <typename Assignment>
  static std::string on_duplicate(std::initializer_list<std::string_view> columns, Assignment assignment) {
    std::string text = " ON DUPLICATE KEY UPDATE ";
    std::string_view comma;
    for (const std::string_view column : columns) {
      text += comma;
      text += assignment(column);
      comma = ", ";
    }
    return text;
  }

  std::string_view expansion(std::string_view word) const override {
    if (word == "id") return "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY";
    if (word == "u64") return "BIGINT";
    if (word == "key") return "VARCHAR(255)";
    if (word == "text") return "LONGTEXT";
    return " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
  }
};

}  // namespace

const Dialect& Dialect::sqlite() {
  static const SqliteDialect dialect;
  return dialect;
}

const Dialect& Dialect::mysql() {
  static const MysqlDialect dialect;
  return dialect;
}

std::string Dialect::render(std::string_view migration) const {
  std::string text;
  while (!migration.empty()) {
    const std::size_t open = migration.find('{');
    text += migration.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = migration.find('}', open);
    YZ_ASSERT(close != std::string_view::npos);
    text += expansion(migration.substr(open + 1, close - open - 1));
    migration.remove_prefix(close + 1);
  }
  return text;
}

}  // namespace yz::store
