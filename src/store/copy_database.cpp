#include "store/copy_database.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/hash.h"
#include "store/connection.h"
#include "store/database.h"
#include "store/migrations.h"

namespace yz::store {
namespace {

constexpr std::size_t kPage = 2'000;        // rows read, and written in one transaction
constexpr std::size_t kRowsAnInsert = 200;  // 3,000 parameters at most

struct Column {
  std::string name;
  bool is_integer = false;
};

struct Table {
  std::string name;
  std::vector<Column> columns;
  std::vector<std::size_t> key;  ///< places of the primary key in `columns`

  [[nodiscard]] std::string column_list() const {
    std::vector<std::string_view> names;
    for (const Column& column : columns) names.emplace_back(column.name);
    return fmt::format("{}", fmt::join(names, ", "));
  }
};

Value to_value(const Row& row, std::size_t place, const Column& column) {
  if (row.is_null(place)) return nullptr;
  if (column.is_integer) return row.i64(place);
  return row.text(place);
}

/// Count and hash of rows, in any order.
class Tally {
 public:
  void add(const Row& row, std::size_t columns) {
    std::string bytes;
    for (std::size_t i = 0; i < columns; ++i) {
      bytes += row.is_null(i) ? "n" : fmt::format("{}:{}", row.text(i).size(), row.text(i));
    }
    const std::string digest = sha256(bytes);
    for (std::size_t i = 0; i < sum_.size(); ++i) {
      std::uint64_t lane = 0;
      std::memcpy(&lane, digest.data() + i * sizeof lane, sizeof lane);
      sum_[i] += lane;
    }
    ++rows_;
  }
  [[nodiscard]] CopiedTable named(const std::string& name) const {
    return {name, rows_, fmt::format("{:016x}{:016x}{:016x}{:016x}", sum_[0], sum_[1], sum_[2], sum_[3])};
  }

 private:
  std::uint64_t rows_ = 0;
  std::array<std::uint64_t, 4> sum_{};
};

Result<std::vector<Table>> tables_of(Connection& sqlite) {
  Rows names;
  YZ_CHECK(sqlite.run(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_version' "
      "ORDER BY name",
      {}, 1, &names));
  std::vector<Table> out;
  for (const Row& name : names) {
    Table table{.name = name.text(0), .columns = {}, .key = {}};
    Rows columns;
    YZ_CHECK(sqlite.run("SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", {table.name}, 3, &columns));
    std::vector<std::pair<std::int64_t, std::size_t>> key;
    for (const Row& column : columns) {
      if (column.i64(2) > 0) key.emplace_back(column.i64(2), table.columns.size());
      table.columns.push_back({column.text(0), column.text(1) == "INTEGER"});
    }
    std::sort(key.begin(), key.end());
    for (const auto& [order, place] : key) table.key.push_back(place);
    if (table.key.empty()) return fail(Code::kInternal, fmt::format("table {} has no primary key", table.name));
    out.push_back(std::move(table));
  }
  return out;
}

/// "(a > ?) OR (a = ? AND b > ?)": what comes after a key, which the engines find by their index.
std::string after_key(const Table& table, const Row& last, std::vector<Value>& parameters) {
  std::vector<std::string> parts;
  for (std::size_t depth = 0; depth < table.key.size(); ++depth) {
    std::string part;
    for (std::size_t i = 0; i <= depth; ++i) {
      const std::size_t place = table.key[i];
      part += fmt::format("{}{} {} ?", i == 0 ? "" : " AND ", table.columns[place].name, i == depth ? ">" : "=");
      parameters.push_back(to_value(last, place, table.columns[place]));
    }
    parts.push_back("(" + part + ")");
  }
  return fmt::format("{}", fmt::join(parts, " OR "));
}

/// Gives every row of a table to `take`, a page at a time, in the order of its key.
Status read_pages(Connection& from, const Table& table, const std::function<Status(const Rows&)>& take) {
  std::vector<std::string_view> order;
  for (const std::size_t place : table.key) order.emplace_back(table.columns[place].name);
  Rows page;
  do {
    std::vector<Value> parameters;
    const std::string where = page.empty() ? "" : " WHERE " + after_key(table, page.back(), parameters);
    Rows next;
    YZ_CHECK(from.run(fmt::format("SELECT {} FROM {}{} ORDER BY {} LIMIT {}", table.column_list(), table.name, where,
                                  fmt::join(order, ", "), kPage),
                      parameters, table.columns.size(), &next));
    if (!next.empty()) YZ_CHECK(take(next));
    page = std::move(next);
  } while (page.size() == kPage);
  return {};
}

Status insert_page(Connection& to, const Table& table, const Rows& page) {
  std::string row = "(?";
  for (std::size_t i = 1; i < table.columns.size(); ++i) row += ", ?";
  row += ")";
  YZ_CHECK(to.command("START TRANSACTION"));
  for (std::size_t begin = 0; begin < page.size(); begin += kRowsAnInsert) {
    const std::size_t end = std::min(page.size(), begin + kRowsAnInsert);
    std::string sql = fmt::format("INSERT INTO {} ({}) VALUES ", table.name, table.column_list());
    std::vector<Value> parameters;
    for (std::size_t i = begin; i < end; ++i) {
      sql += (i == begin ? "" : ", ") + row;
      for (std::size_t c = 0; c < table.columns.size(); ++c) {
        parameters.push_back(to_value(page[i], c, table.columns[c]));
      }
    }
    YZ_CHECK(to.run(sql, parameters, 0, nullptr));
  }
  return to.command("COMMIT");
}

Result<CopiedTable> tally(Connection& connection, const Table& table) {
  Tally out;
  YZ_CHECK(read_pages(connection, table, [&](const Rows& page) -> Status {
    for (const Row& row : page) out.add(row, table.columns.size());
    return {};
  }));
  return out.named(table.name);
}

Result<CopiedTable> copy_table(Connection& from, Connection& to, const Table& table) {
  YZ_CHECK(to.command("DELETE FROM " + table.name));
  Tally read;
  YZ_CHECK(read_pages(from, table, [&](const Rows& page) -> Status {
    for (const Row& row : page) read.add(row, table.columns.size());
    return insert_page(to, table, page);
  }));
  const CopiedTable wanted = read.named(table.name);
  YZ_TRY(CopiedTable found, tally(to, table));
  if (found.rows != wanted.rows || found.hash != wanted.hash) {
    return fail(Code::kCorrupt, fmt::format("table {} reads back differently: {} rows ({}), expected {} ({})",
                                            table.name, found.rows, found.hash, wanted.rows, wanted.hash));
  }
  return found;
}

/// Keys that were given once are not given again, those of removed rows included.
Status carry_counters(Connection& from, Connection& to) {
  Rows counters;
  YZ_CHECK(from.run("SELECT name, seq FROM sqlite_sequence", {}, 2, &counters));
  for (const Row& counter : counters) {
    YZ_CHECK(to.command(fmt::format("ALTER TABLE {} AUTO_INCREMENT = {}", counter.text(0), counter.i64(1) + 1)));
  }
  return {};
}

Status check_source_rests(Connection& from, WallTime now) {
  Rows held;
  YZ_CHECK(
      from.run("SELECT holder FROM lease WHERE name = 'control-leader' AND holder <> '' AND expires_at > ? LIMIT 1",
               {now}, 1, &held));
  if (held.empty()) return {};
  return fail(Code::kConflict,
              fmt::format("{} runs on the source, or did a few seconds ago: stop it first", held.front().text(0)));
}

/// A new schema holds nothing but counters at zero.
Status check_target_is_empty(Connection& to, const std::vector<Table>& tables) {
  for (const Table& table : tables) {
    Rows rows;
    const std::string_view where = table.name == "sequence" ? " WHERE v <> 0" : "";
    YZ_CHECK(to.run(fmt::format("SELECT COUNT(*) FROM {}{}", table.name, where), {}, 1, &rows));
    if (rows.at(0).i64(0) != 0) {
      return fail(Code::kConflict, fmt::format("the target is not empty: it has rows in {}", table.name));
    }
  }
  return {};
}

Result<bool> is_marked(Connection& to) {
  Rows known;
  YZ_CHECK(
      to.run("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = "
             "'schema_version'",
             {}, 1, &known));
  if (known.at(0).i64(0) == 0) return false;
  Rows mark;
  YZ_CHECK(to.run("SELECT version FROM schema_version WHERE version = ?", {kCopyUnderWay}, 1, &mark));
  return !mark.empty();
}

Status take_mark_away(Connection& to) {
  YZ_CHECK(to.run("DELETE FROM schema_version WHERE version = ?", {kCopyUnderWay}, 0, nullptr));
  return {};
}

Status set_mark(Connection& to) {
  YZ_CHECK(to.run("INSERT INTO schema_version (version, name) VALUES (?, 'a copy is under way')", {kCopyUnderWay}, 0,
                  nullptr));
  return {};
}

}  // namespace

Result<std::vector<CopiedTable>> copy_database(std::string_view from, std::string_view to, WallTime now,
                                               const std::function<void(const CopiedTable&)>& progress) {
  YZ_TRY(const DatabaseUrl source_url, DatabaseUrl::parse(from));
  YZ_TRY(const DatabaseUrl target_url, DatabaseUrl::parse(to));
  if (source_url.mysql || !target_url.mysql) {
    return fail(Code::kInvalid,
                "a database is copied from 'sqlite:PATH' to 'mysql://USER:PASSWORD@HOST:PORT/DATABASE'");
  }
  if (!std::filesystem::exists(source_url.path)) {
    return fail(Code::kNotFound, fmt::format("there is no database {}", source_url.path));
  }
  const DatabaseOptions options;
  YZ_CHECK(Database::open(from, options).map([](const auto&) {}));  // brings the schema up to date
  YZ_TRY(const auto source, Connection::open(source_url, options));
  YZ_TRY(const auto target, Connection::open(target_url, options));
  YZ_CHECK(check_source_rests(*source, now));

  YZ_CHECK(source->command("BEGIN"));  // all that is read is of one moment
  YZ_TRY(const std::vector<Table> tables, tables_of(*source));
  YZ_TRY(const bool was_broken_off, is_marked(*target));
  if (!was_broken_off) {
    YZ_CHECK(migrate(*target));
    YZ_CHECK(check_target_is_empty(*target, tables));
    YZ_CHECK(set_mark(*target));
  }
  YZ_CHECK(target->command("SET SESSION foreign_key_checks = 0"));  // the source kept them
  std::vector<CopiedTable> out;
  for (const Table& table : tables) {
    auto copied = copy_table(*source, *target, table);
    if (!copied) return fail(std::move(copied).error().with_context("table " + table.name));
    progress(*copied);
    out.push_back(*std::move(copied));
  }
  YZ_CHECK(carry_counters(*source, *target));
  YZ_CHECK(take_mark_away(*target));
  (void)source->command("ROLLBACK");
  return out;
}

}  // namespace yz::store
