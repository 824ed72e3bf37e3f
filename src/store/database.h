#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "store/sealer.h"
#include "store/transaction.h"

namespace yz::store {

/// What a commit outlives. MariaDB decides by its own innodb_flush_log_at_trx_commit.
enum class Durability {
  kPower,    ///< a power cut: the log is synced before a commit returns (synchronous=FULL)
  kProcess,  ///< the death of the process; a power cut may take the last commits (synchronous=NORMAL)
};

/// How many connections, how long to wait, how often to try again.
struct DatabaseOptions {
  std::size_t connections = 8;                        ///< MariaDB: all; SQLite: readers beside the one writer
  std::chrono::milliseconds acquire_timeout{10'000};  ///< waiting for a free connection
  std::chrono::milliseconds lock_timeout{5'000};      ///< waiting for a lock inside the engine
  Durability durability = Durability::kPower;         ///< SQLite only
  int attempts = 5;                                   ///< of a body whose transaction was busy, deadlocked or cut off
  Sealer sealer;                                      ///< for secrets; without a key they are stored open
};

/// The database behind control: SQLite for one machine, MariaDB (or MySQL 8) in production; the truth of everything
/// that must survive. Blocks the calling thread (call it from a blocking pool, never from a reactor); any thread may
/// call.
///
/// SQLite runs in WAL mode with one writing connection and several readers; MariaDB in READ COMMITTED with UTC times
/// and utf8mb4. A connection that broke (server restart) is opened again on its next use.
class Database final {
 public:
  /// `sqlite:/absolute/or/relative/path` (created when missing) or
  /// `mysql://user:password@host:port/database[?socket=/path]`; user and password percent-encoded.
  /// Brings the schema up to date first; several programs may do so at once.
  /// Fails with kInvalid (the URL), kUnavailable (no server), kPermission, or kConflict when the schema is newer than
  /// this program.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(std::string_view url, DatabaseOptions options = {});
  /// Whether open() would understand the URL; connects to nothing. Fails with kInvalid and never repeats a password.
  [[nodiscard]] static Status check_url(std::string_view url);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs `body(Transaction&) -> Result<T>` in one transaction: committed when it returns a value, rolled back when it
  /// returns an error. The body may run up to `attempts` times (busy, deadlock, connection lost before the commit), so
  /// it must do nothing outside the transaction. When the connection breaks during COMMIT the outcome is unknown: the
  /// error says so (kUnavailable) and the body is not repeated.
  template <typename Body>
  [[nodiscard]] auto write(Body&& body) -> std::invoke_result_t<Body&, Transaction&> {
    return in_transaction(Mode::kWrite, std::forward<Body>(body));
  }

  /// The same for reading only: everything the body reads is the state of one moment.
  template <typename Body>
  [[nodiscard]] auto read(Body&& body) -> std::invoke_result_t<Body&, Transaction&> {
    return in_transaction(Mode::kRead, std::forward<Body>(body));
  }

  /// "sqlite" or "mysql".
  [[nodiscard]] std::string_view engine() const;
  [[nodiscard]] bool is_sealing() const { return options_.sealer.has_key(); }
  /// The schema's version: the number of the last migration.
  [[nodiscard]] Result<int> schema_version();

 private:
  enum class Mode { kRead, kWrite };
  class Pool;

  Database(std::unique_ptr<Pool> pool, DatabaseOptions options);

  template <typename Body>
  auto in_transaction(Mode mode, Body&& body) -> std::invoke_result_t<Body&, Transaction&> {
    using Outcome = std::invoke_result_t<Body&, Transaction&>;
    std::optional<Outcome> outcome;
    Status done = run(mode, [&](Transaction& tx) -> Status {
      outcome.emplace(body(tx));
      if (!*outcome) return fail(outcome->error());
      return {};
    });
    if (!done) return fail(std::move(done).error());
    return std::move(*outcome);
  }

  Status run(Mode mode, const std::function<Status(Transaction&)>& body);
  Status run_once(Mode mode, const std::function<Status(Transaction&)>& body, bool& again);

  std::unique_ptr<Pool> pool_;
  DatabaseOptions options_;
};

}  // namespace yz::store
