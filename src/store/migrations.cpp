#include "store/migrations.h"

#include <fmt/format.h>

#include "base/text.h"
#include "store/connection.h"
#include "store/dialect.h"

namespace yz::store {
namespace {

constexpr std::string_view kVersionTable =
    "CREATE TABLE IF NOT EXISTS schema_version (version {u64} NOT NULL PRIMARY KEY, name {key} NOT NULL){table}";

/// Runs each statement. Where DDL commits by itself a repeated step meets what it made before; that is not an error.
Status run_statements(Connection& connection, std::string_view sql) {
  const std::string text = connection.dialect().render(sql);
  std::string_view rest = trim(text);
  while (!rest.empty()) {
    const std::size_t end = rest.find(";\n");
    Status done = connection.command(rest.substr(0, end));
    const bool repeated = !done && done.error().code == Code::kAlreadyExists;
    if (!done && !(repeated && !connection.dialect().has_transactional_ddl())) return done;
    rest = end == std::string_view::npos ? "" : trim(rest.substr(end + 2));
  }
  return {};
}

Status apply_missing(Connection& connection) {
  YZ_CHECK(connection.command(connection.dialect().render(kVersionTable)));
  Rows rows;
  YZ_CHECK(connection.run("SELECT COALESCE(MAX(version), 0) FROM schema_version", {}, 1, &rows));
  const auto present = rows.at(0).i64(0);
  const auto all = migrations();
  if (present == kCopyUnderWay) {
    return fail(Code::kConflict, "the database is half of a copy: run the same yz-control migrate again");
  }
  if (present > static_cast<std::int64_t>(all.size())) {
    return fail(Code::kConflict, fmt::format("the database has schema version {}, this program knows {}: it is too old",
                                             present, all.size()));
  }
  for (const Migration& step : all.subspan(static_cast<std::size_t>(present))) {
    if (auto done = run_statements(connection, step.sql); !done) {
      return fail(std::move(done).error().with_context(fmt::format("migration {} ({})", step.version, step.name)));
    }
    YZ_CHECK(connection.run("INSERT INTO schema_version (version, name) VALUES (?, ?)", {step.version, step.name}, 0,
                            nullptr));
  }
  return {};
}

Status migrate_in_transaction(Connection& connection) {
  YZ_CHECK(connection.command("BEGIN IMMEDIATE"));
  Status done = apply_missing(connection);
  if (done) done = connection.command("COMMIT");
  if (!done) (void)connection.command("ROLLBACK");
  return done;
}

Status migrate_under_lock(Connection& connection) {
  Rows rows;
  YZ_CHECK(connection.run("SELECT GET_LOCK(CONCAT(DATABASE(), '.yizhan.schema'), 60)", {}, 1, &rows));
  if (rows.at(0).i64(0) != 1) return fail(Code::kTimeout, "database: another program is changing the schema");
  Status done = apply_missing(connection);
  (void)connection.run("SELECT RELEASE_LOCK(CONCAT(DATABASE(), '.yizhan.schema'))", {}, 1, &rows);
  return done;
}

}  // namespace

Status migrate(Connection& connection) {
  return connection.dialect().has_transactional_ddl() ? migrate_in_transaction(connection)
                                                      : migrate_under_lock(connection);
}

}  // namespace yz::store
