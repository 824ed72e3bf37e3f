#include "store/database.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "base/random.h"
#include "store/connection.h"
#include "store/dialect.h"
#include "store/migrations.h"

namespace yz::store {

/// Idle connections of both kinds. SQLite has one writer; MariaDB makes no difference.
class Database::Pool {
 public:
  Pool(DatabaseUrl url, const DatabaseOptions& options)
      : url_(std::move(url)), options_(options), free_(std::max<std::size_t>(1, options.connections)) {}

  /// A connection of one's own; empty slots are opened outside the lock.
  Result<std::unique_ptr<Connection>> acquire(Mode mode) {
    std::unique_ptr<Connection> connection;
    {
      std::unique_lock lock(mutex_);
      // In the order they came: one that writes again and again must not keep the others out.
      const std::uint64_t place = next_place_++;
      std::deque<std::uint64_t>& waiting = is_writer(mode) ? waiting_writers_ : waiting_;
      waiting.push_back(place);
      const auto ready = [&] { return waiting.front() == place && (is_writer(mode) ? !writer_out_ : free_ > 0); };
      const bool is_ready = changed_.wait_for(lock, options_.acquire_timeout, ready);
      std::erase(waiting, place);
      if (!waiting.empty()) changed_.notify_all();  // the next one has its turn
      if (!is_ready) return fail(Code::kTimeout, "database: no free connection");
      auto& idle = is_writer(mode) ? idle_writer_ : idle_;
      is_writer(mode) ? void(writer_out_ = true) : void(--free_);
      if (!idle.empty()) {
        connection = std::move(idle.back());
        idle.pop_back();
      }
    }
    if (connection) return connection;
    auto opened = Connection::open(url_, options_);
    if (!opened) give_back(mode, nullptr);
    return opened;
  }

  /// Null when the connection broke.
  void give_back(Mode mode, std::unique_ptr<Connection> connection) {
    {
      const std::lock_guard lock(mutex_);
      if (connection) (is_writer(mode) ? idle_writer_ : idle_).push_back(std::move(connection));
      is_writer(mode) ? void(writer_out_ = false) : void(++free_);
    }
    changed_.notify_all();
  }

  /// After one connection broke the idle ones are not to be trusted (the server restarted).
  void drop_idle() {
    const std::lock_guard lock(mutex_);
    idle_.clear();
    idle_writer_.clear();
  }

  [[nodiscard]] const Dialect& dialect() const { return url_.mysql ? Dialect::mysql() : Dialect::sqlite(); }

 private:
  [[nodiscard]] bool is_writer(Mode mode) const { return !url_.mysql && mode == Mode::kWrite; }

  const DatabaseUrl url_;
  const DatabaseOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t free_;
  bool writer_out_ = false;
  std::uint64_t next_place_ = 0;
  std::deque<std::uint64_t> waiting_;  // places in the queue
  std::deque<std::uint64_t> waiting_writers_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::vector<std::unique_ptr<Connection>> idle_writer_;
};

Database::Database(std::unique_ptr<Pool> pool, DatabaseOptions options) : pool_(std::move(pool)), options_(options) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(std::string_view url, DatabaseOptions options) {
  YZ_TRY(DatabaseUrl parsed, DatabaseUrl::parse(url));
  {
    YZ_TRY(const auto connection, Connection::open(parsed, options));
    YZ_CHECK(migrate(*connection));
  }
  auto pool = std::make_unique<Pool>(std::move(parsed), options);
  return std::unique_ptr<Database>(new Database(std::move(pool), options));
}

Status Database::check_url(std::string_view url) {
  YZ_CHECK(DatabaseUrl::parse(url));
  return {};
}

std::string_view Database::engine() const { return pool_->dialect().name(); }

Result<int> Database::schema_version() {
  return read([](Transaction& tx) -> Result<int> {
    YZ_TRY(const auto row, tx.query_one("SELECT MAX(version) FROM schema_version", 1));
    return row ? static_cast<int>(row->i64(0)) : 0;
  });
}

namespace {

/// 5-10 ms before the second attempt, doubling: waiters of one lock come back at different times.
std::chrono::microseconds pause_before(int attempt) {
  thread_local Random random = Random::from_entropy();
  const std::int64_t base = 5'000LL << attempt;
  return std::chrono::microseconds(base + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(base))));
}

}  // namespace

Status Database::run(Mode mode, const std::function<Status(Transaction&)>& body) {
  for (int attempt = 0;; ++attempt) {
    bool again = false;
    Status done = run_once(mode, body, again);
    if (done || !again || attempt + 1 >= options_.attempts) return done;
    std::this_thread::sleep_for(pause_before(attempt));
  }
}

/// One attempt. `again`: the engine undid everything, and a second try may succeed.
Status Database::run_once(Mode mode, const std::function<Status(Transaction&)>& body, bool& again) {
  auto acquired = pool_->acquire(mode);
  if (!acquired) {
    again = acquired.error().code == Code::kUnavailable;
    return fail(std::move(acquired).error());
  }
  std::unique_ptr<Connection> connection = *std::move(acquired);
  connection->clear_trouble();
  const Dialect& dialect = connection->dialect();

  Status done;
  for (const std::string_view sql : mode == Mode::kWrite ? dialect.begin_write() : dialect.begin_read()) {
    if (done) done = connection->command(sql);
  }
  if (done) {
    Transaction tx(*connection, options_.sealer);
    done = body(tx);
    // A body that swallowed such an error must not commit what the engine has undone.
    if (done && connection->trouble() != Trouble::kNone) {
      done = fail(Code::kUnavailable, "database: the transaction was undone by the engine");
    }
  }
  again = connection->trouble() != Trouble::kNone;
  if (done) {
    done = connection->command("COMMIT");
    if (!done && connection->trouble() == Trouble::kGone) {
      done = fail(std::move(done).error().with_context("outcome unknown, the connection broke during COMMIT"));
    } else if (!done) {
      again = connection->trouble() == Trouble::kBusy;
    }
  }
  // Also after a failed COMMIT: SQLite keeps the transaction open then.
  if (!done && connection->trouble() != Trouble::kGone && !connection->command("ROLLBACK")) connection.reset();
  if (connection && connection->trouble() == Trouble::kGone) {
    connection.reset();
    pool_->drop_idle();
  }
  pool_->give_back(mode, std::move(connection));
  return done;
}

}  // namespace yz::store
