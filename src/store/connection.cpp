#include "store/connection.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/freed.h"
#include "store/database.h"
#include "store/dialect.h"
#include "store/soci.h"

namespace yz::store {
namespace {

// Error numbers of MariaDB and MySQL (mysqld_error.h, errmsg.h), of which SOCI passes the number only.
namespace mysql_error {
constexpr unsigned kTooManyConnections = 1040, kAccessDeniedDatabase = 1044, kAccessDenied = 1045, kShutdown = 1053;
constexpr unsigned kDuplicateKeyName = 1061, kDuplicateColumn = 1060, kDuplicateEntry = 1062, kTableFull = 1114;
constexpr unsigned kLockWaitTimeout = 1205, kDeadlock = 1213, kRecordChanged = 1020;
constexpr unsigned kDataTooLong = 1406;
constexpr unsigned kReferencedRow = 1451, kNoReferencedRow = 1452, kUnknownDatabase = 1049, kUnknownTable = 1146;
constexpr unsigned kConnectionKilled = 1927, kConnection = 2002, kConnectionHost = 2003, kServerGone = 2006;
constexpr unsigned kServerLost = 2013, kServerLostExtended = 2055, kIdleDisconnect = 4031, kNormalShutdown = 1077;
}  // namespace mysql_error

struct Verdict {
  Code code;
  Trouble trouble = Trouble::kNone;
};

Verdict judge_mysql(unsigned number) {
  using namespace mysql_error;
  switch (number) {
    case kLockWaitTimeout:
    case kDeadlock:
    case kRecordChanged:
      return {Code::kUnavailable, Trouble::kBusy};
    case kTooManyConnections:
    case kShutdown:
    case kNormalShutdown:
    case kConnectionKilled:
    case kConnection:
    case kConnectionHost:
    case kServerGone:
    case kServerLost:
    case kServerLostExtended:
    case kIdleDisconnect:
      return {Code::kUnavailable, Trouble::kGone};
    case kDuplicateKeyName:
    case kDuplicateColumn:
    case kDuplicateEntry:
      return {Code::kAlreadyExists};
    case kReferencedRow:
    case kNoReferencedRow:
      return {Code::kConflict};
    case kAccessDenied:
    case kAccessDeniedDatabase:
      return {Code::kPermission};
    case kUnknownDatabase:
    case kUnknownTable:
      return {Code::kNotFound};
    case kDataTooLong:
      return {Code::kInvalid};
    case kTableFull:
      return {Code::kLimit};
    default:
      return {Code::kInternal};
  }
}

Verdict judge_sqlite(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
      return {Code::kAlreadyExists};
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return {Code::kConflict};
    default:
      break;
  }
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Code::kUnavailable, Trouble::kBusy};
    case SQLITE_FULL:
      return {Code::kLimit};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {Code::kCorrupt};
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {Code::kPermission};
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return {Code::kIo};
    default:
      return {Code::kInternal};
  }
}

/// A value of SOCI's connection strings for MySQL: quoted, quotes and backslashes escaped.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('\'');
  return out;
}

std::string mysql_options(const DatabaseUrl& url) {
  std::string text =
      fmt::format("db={} charset='utf8mb4' connect_timeout=5 read_timeout=30 write_timeout=30", quoted(url.database));
  if (!url.user.empty()) text += fmt::format(" user={}", quoted(url.user));
  if (!url.password.empty()) text += fmt::format(" password={}", quoted(url.password));
  if (!url.socket.empty()) return text + fmt::format(" unix_socket={}", quoted(url.socket));
  return text + fmt::format(" host={} port={}", quoted(url.host), url.port);
}

/// SOCI wants names for MySQL: `?` number n becomes ":pn". Our statements hold no literals with a question mark.
std::string with_named_parameters(std::string_view sql, std::size_t count) {
  std::string out;
  out.reserve(sql.size() + count * 4);
  std::size_t n = 0;
  for (const char c : sql) {
    if (c != '?') {
      out.push_back(c);
      continue;
    }
    out += fmt::format(":p{}", ++n);
  }
  YZ_ASSERT(n == count);
  return out;
}

}  // namespace

struct Connection::Session {
  soci::session soci;
  const Dialect& dialect;

  Session(const soci::backend_factory& factory, const std::string& options, const Dialect& engine)
      : soci(factory, options), dialect(engine) {}

  // SOCI's library hides the type information that UBSan's check of the cast asks for.
#if defined(__clang__)
  [[clang::no_sanitize("vptr")]]
#endif
  [[nodiscard]] sqlite_api::sqlite3*
  sqlite() {
    return static_cast<soci::sqlite3_session_backend*>(soci.get_backend())->conn_;
  }
};

namespace {

/// What the current exception, thrown by SOCI, means. `sqlite` may be null (not open yet).
std::pair<Error, Trouble> translate(sqlite_api::sqlite3* sqlite) {
  Verdict verdict{Code::kInternal};
  std::string message;
  try {
    throw;
  } catch (const soci::mysql_soci_error& e) {
    verdict = judge_mysql(e.err_num_);
    message = fmt::format("{} (MySQL {})", e.what(), e.err_num_);
  } catch (const soci::sqlite3_soci_error& e) {
    const int extended = sqlite != nullptr ? sqlite_api::sqlite3_extended_errcode(sqlite) : e.result();
    verdict = judge_sqlite((extended & 0xff) == (e.result() & 0xff) ? extended : e.result());
    message = fmt::format("{} (SQLite {})", e.what(), extended);
  } catch (const std::exception& e) {
    message = e.what();
  }
  return {fail(verdict.code, "database: " + message).value(), verdict.trouble};
}

constexpr std::string_view kMysqlSession[] = {
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
    "SET SESSION time_zone = '+00:00'",
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
};

constexpr std::string_view kSqliteSession[] = {
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
};

}  // namespace

Connection::Connection(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Connection::~Connection() = default;

const Dialect& Connection::dialect() const { return session_->dialect; }

Result<std::unique_ptr<Connection>> Connection::open(const DatabaseUrl& url, const DatabaseOptions& options) {
  std::unique_ptr<Connection> connection;
  try {
    auto session = url.mysql ? std::make_unique<Session>(*soci::factory_mysql(), mysql_options(url), Dialect::mysql())
                             : std::make_unique<Session>(*soci::factory_sqlite3(), fmt::format("db=\"{}\"", url.path),
                                                         Dialect::sqlite());
    connection.reset(new Connection(std::move(session)));
  } catch (...) {
    return fail(std::move(translate(nullptr).first).with_context("cannot open the database"));
  }
  if (url.mysql) {
    for (const std::string_view sql : kMysqlSession) YZ_CHECK(connection->command(sql));
    const auto seconds = std::max<std::int64_t>(1, options.lock_timeout.count() / 1000);
    YZ_CHECK(connection->command(fmt::format("SET SESSION innodb_lock_wait_timeout = {}", seconds)));
    return connection;
  }
  sqlite_api::sqlite3_busy_timeout(connection->session_->sqlite(), static_cast<int>(options.lock_timeout.count()));
  sqlite_api::sqlite3_extended_result_codes(connection->session_->sqlite(), 0);
  Rows mode;
  YZ_CHECK(connection->run("PRAGMA journal_mode = WAL", {}, 1, &mode));
  for (const std::string_view sql : kSqliteSession) YZ_CHECK(connection->command(sql));
  const bool synced = options.durability == Durability::kPower;
  YZ_CHECK(connection->command(synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL"));
  return connection;
}

tl::unexpected<Error> Connection::explain_current_exception() {
  const bool is_sqlite = &session_->dialect == &Dialect::sqlite();
  auto [error, trouble] = translate(is_sqlite ? session_->sqlite() : nullptr);
  trouble_ = std::max(trouble_, trouble);
  return fail(std::move(error));
}

Status Connection::command(std::string_view sql) {
  try {
    session_->soci << std::string(sql);
    return {};
  } catch (...) {
    return explain_current_exception();
  }
}

Result<std::uint64_t> Connection::last_insert_id() {
  try {
    long long id = 0;
    if (!session_->soci.get_last_insert_id("", id)) return fail(Code::kInternal, "database: no generated key");
    return static_cast<std::uint64_t>(id);
  } catch (...) {
    return explain_current_exception();
  }
}

Result<std::uint64_t> Connection::run(std::string_view sql, const std::vector<Value>& parameters, std::size_t columns,
                                      Rows* rows) {
  struct Bound {
    long long integer = 0;
    std::string text;
    soci::indicator indicator = soci::i_ok;
  };
  try {
    soci::statement statement(session_->soci);
    std::vector<Bound> bound(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (const std::int64_t* integer = parameters[i].integer()) {
        bound[i].integer = *integer;
        statement.exchange(soci::use(bound[i].integer, bound[i].indicator));
        continue;
      }
      if (const std::string* text = parameters[i].text())
        bound[i].text = *text;
      else
        bound[i].indicator = soci::i_null;
      statement.exchange(soci::use(bound[i].text, bound[i].indicator));
    }
    std::vector<Bound> answer(columns);
    for (Bound& column : answer) statement.exchange(soci::into(column.text, column.indicator));
    statement.alloc();
    // SQLite takes `?` itself, and would search long lists of names in quadratic time.
    const bool by_position = &session_->dialect == &Dialect::sqlite();
    statement.prepare(by_position ? std::string(sql) : with_named_parameters(sql, parameters.size()));
    statement.define_and_bind();
    bool more = statement.execute(true);
    if (columns == 0) return static_cast<std::uint64_t>(std::max(0LL, statement.get_affected_rows()));
    for (; more; more = statement.fetch()) {
      std::vector<std::optional<std::string>> row(columns);
      for (std::size_t i = 0; i < columns; ++i) {
        if (answer[i].indicator == soci::i_ok) row[i] = answer[i].text;
      }
      rows->emplace_back(std::move(row));
    }
    return 0;
  } catch (...) {
    return explain_current_exception();
  }
}

Status Connection::insert_rows(const IntegerInsert& insert) {
  const auto width = static_cast<std::size_t>(std::ranges::count(insert.pattern, '?'));
  YZ_ASSERT(width > 0 && insert.values.size() % width == 0);
  if (insert.values.empty()) return {};
  const bool is_sqlite = &session_->dialect == &Dialect::sqlite();
  return is_sqlite ? insert_compiled(insert, width) : insert_as_text(insert);
}

/// SOCI would convert each value twice and compile the statement for each row.
Status Connection::insert_compiled(const IntegerInsert& insert, std::size_t width) {
  using Statement = std::unique_ptr<sqlite_api::sqlite3_stmt, Freed<sqlite_api::sqlite3_finalize>>;
  sqlite_api::sqlite3* sqlite = session_->sqlite();
  const auto failure = [&]() -> Status {
    const int extended = sqlite_api::sqlite3_extended_errcode(sqlite);
    const Verdict verdict = judge_sqlite(extended);
    trouble_ = std::max(trouble_, verdict.trouble);
    return fail(verdict.code, fmt::format("database: {} (SQLite {})", sqlite_api::sqlite3_errmsg(sqlite), extended));
  };
  const std::string sql = insert.head + insert.pattern + insert.tail;
  sqlite_api::sqlite3_stmt* made = nullptr;
  if (sqlite_api::sqlite3_prepare_v2(sqlite, sql.data(), static_cast<int>(sql.size()), &made, nullptr) != SQLITE_OK) {
    return failure();
  }
  const Statement statement(made);
  for (std::size_t at = 0; at < insert.values.size(); at += width) {
    for (std::size_t i = 0; i < width; ++i) {
      sqlite_api::sqlite3_bind_int64(made, static_cast<int>(i) + 1, insert.values[at + i]);
    }
    if (sqlite_api::sqlite3_step(made) != SQLITE_DONE) return failure();
    sqlite_api::sqlite3_reset(made);
  }
  return {};
}

/// As parameters MariaDB takes them several times more slowly.
Status Connection::insert_as_text(const IntegerInsert& insert) {
  constexpr std::size_t kRows = 200;
  for (std::size_t at = 0; at < insert.values.size();) {
    std::string sql = insert.head;
    for (std::size_t row = 0; row < kRows && at < insert.values.size(); ++row) {
      if (row > 0) sql += ", ";
      for (const char c : insert.pattern) {
        if (c != '?') {
          sql += c;
        } else {
          fmt::format_to(std::back_inserter(sql), "{}", insert.values[at++]);
        }
      }
    }
    YZ_CHECK(run(sql + insert.tail, {}, 0, nullptr));
  }
  return {};
}

}  // namespace yz::store
