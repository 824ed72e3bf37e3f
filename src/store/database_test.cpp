#include "store/database.h"

#include <atomic>
#include <csignal>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "store/connection.h"
#include "store/dialect.h"
#include "store/migrations.h"
#include "store/secret_store.h"
#include "store/store_test.h"
#include "store/tenant_store.h"

namespace yz::store {
namespace {

class DatabaseTest : public StoreTest {
 protected:
  std::size_t tenants() {
    return read([](Transaction& tx) { return TenantStore(tx).list({}); }).items.size();
  }
  static Status put_secret(Transaction& tx, std::string_view name) {
    YZ_CHECK(SecretStore(tx).get_or_put(name, "x", WallTime{}));
    return {};
  }
};
YZ_ON_BOTH_ENGINES(DatabaseTest);

TEST_P(DatabaseTest, AValueCommitsAnErrorRollsBack) {
  write([&](Transaction& tx) { return TenantStore(tx).create(author(), {.id = {}, .name = "kept"}); });
  const auto refused = db().write([&](Transaction& tx) -> Result<int> {
    YZ_CHECK(TenantStore(tx).create(author(), {.id = {}, .name = "dropped"}));
    return fail(Code::kInvalid, "no");
  });
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(tenants(), 1u);
}

TEST_P(DatabaseTest, AFailedStatementLeavesTheTransactionUsable) {
  write([&](Transaction& tx) -> Result<int> {
    YZ_CHECK(TenantStore(tx).create(author(), {.id = {}, .name = "a"}));
    EXPECT_EQ(TenantStore(tx).create(author(), {.id = {}, .name = "a"}).error().code, Code::kAlreadyExists);
    YZ_CHECK(TenantStore(tx).create(author(), {.id = {}, .name = "b"}));
    return 0;
  });
  EXPECT_EQ(tenants(), 2u);
}

TEST_P(DatabaseTest, TextAndNumbersComeBackAsTheyWere) {
  const std::string text = "quote ' backslash \\ question ? colon :p1 percent % 中文 \xF0\x9F\x9A\x80 \n end";
  const std::string bytes("\0\x01\xff\x80 binary", 11);
  write([&](Transaction& tx) -> Result<int> {
    YZ_CHECK(TenantStore(tx).create(author(), {.id = {}, .name = text}));
    YZ_CHECK(SecretStore(tx).get_or_put("bytes", bytes, now()));
    YZ_CHECK(tx.execute("INSERT INTO sequence (name, v) VALUES ('big', ?)", {UINT64_MAX - 1}));
    return 0;
  });
  EXPECT_EQ(read([](Transaction& tx) { return TenantStore(tx).list({}); }).items.at(0).value.name, text);
  EXPECT_EQ(read([](Transaction& tx) { return SecretStore(tx).get("bytes"); }), bytes);
  const auto row =
      read([](Transaction& tx) { return tx.query_one("SELECT v FROM sequence WHERE name = ?", 1, {"big"}); });
  EXPECT_EQ(row->u64(0), UINT64_MAX - 1);
}

TEST_P(DatabaseTest, NullIsNotTheEmptyText) {
  const auto row = read([](Transaction& tx) { return tx.query_one("SELECT '', NULL", 2); });
  EXPECT_FALSE(row->is_null(0));
  EXPECT_TRUE(row->is_null(1));
  EXPECT_EQ(row->text(1), "");
}

TEST_P(DatabaseTest, AReadSeesOneMoment) {
  auto other = open_again();
  read([&](Transaction& tx) -> Result<int> {
    YZ_TRY(const auto before, tx.query_one("SELECT COUNT(*) FROM tenant", 1));
    EXPECT_TRUE(other->write(
        [&](Transaction& inner) { return TenantStore(inner).create(author(), {.id = {}, .name = "later"}); }));
    YZ_TRY(const auto after, tx.query_one("SELECT COUNT(*) FROM tenant", 1));
    EXPECT_EQ(before->i64(0), after->i64(0));
    return 0;
  });
  EXPECT_EQ(tenants(), 1u);
}

/// Drops every table, those that others refer to last.
Result<int> drop_all_tables(Transaction& tx) {
  const bool is_sqlite = tx.dialect().name() == "sqlite";
  YZ_TRY(const Rows tables,
         tx.query(is_sqlite ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
                            : "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
                  1));
  std::vector<std::string> left;
  for (const Row& row : tables) left.push_back(row.text(0));
  while (!left.empty()) {
    const std::size_t gone = std::erase_if(
        left, [&](const std::string& table) { return static_cast<bool>(tx.execute("DROP TABLE " + table)); });
    if (gone == 0) return fail(Code::kInternal, "tables refer to each other");
  }
  return 0;
}

TEST_P(DatabaseTest, SeveralProgramsMayBringTheSchemaUpToDateAtOnce) {
  write(drop_all_tables);
  std::atomic<int> opened = 0;
  std::vector<std::jthread> programs;
  for (int i = 0; i < 4; ++i) programs.emplace_back([&] { opened += open_again() != nullptr; });
  programs.clear();
  EXPECT_EQ(opened, 4);
  EXPECT_EQ(*db().schema_version(), migrations().back().version);
  EXPECT_EQ(tenants(), 0u);
}

TEST_P(DatabaseTest, AStepThatWasCutOffIsRepeated) {
  write([](Transaction& tx) -> Result<int> {
    // In SQLite a step is all or nothing.
    if (tx.dialect().name() != "sqlite") YZ_CHECK(tx.execute("DELETE FROM schema_version"));
    return 0;
  });
  EXPECT_EQ(*open_again()->schema_version(), migrations().back().version);
}

TEST_P(DatabaseTest, ANewerSchemaIsRefused) {
  write(
      [](Transaction& tx) { return tx.execute("INSERT INTO schema_version (version, name) VALUES (999, 'future')"); });
  EXPECT_EQ(Database::open(url()).error().code, Code::kConflict);
}

TEST_P(DatabaseTest, WritersThatContendAllSucceed) {
  auto other = open_again();
  std::vector<std::jthread> writers;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 6; ++i) {
    writers.emplace_back([&, i] {
      Database& mine = i % 2 == 0 ? db() : *other;
      for (int n = 0; n < 10; ++n) {
        const auto done = mine.write([&](Transaction& tx) -> Result<int> {
          // Both orders: a deadlock on purpose, which one of the two survives by trying again.
          const bool up = (i + n) % 2 == 0;
          YZ_CHECK(tx.execute("UPDATE sequence SET v = v + 1 WHERE name = ?", {up ? "resource.1" : "resource.2"}));
          YZ_CHECK(tx.execute("UPDATE sequence SET v = v + 1 WHERE name = ?", {up ? "resource.2" : "resource.1"}));
          return 0;
        });
        failures += !done;
      }
    });
  }
  writers.clear();
  EXPECT_EQ(failures, 0);
  const auto row =
      read([](Transaction& tx) { return tx.query_one("SELECT v FROM sequence WHERE name = 'resource.1'", 1); });
  EXPECT_EQ(row->i64(0), 60);
}

TEST_P(DatabaseTest, ATransactionTheEngineUndidGoesNoFurtherAndIsRepeatedWhole) {
  auto impatient = open_again({.lock_timeout = std::chrono::milliseconds(1000)});
  std::atomic<bool> locked = false;
  std::atomic<bool> release = false;
  std::jthread holder([&] {
    EXPECT_TRUE(db().write([&](Transaction& tx) -> Result<int> {
      YZ_CHECK(tx.execute("UPDATE sequence SET v = v + 1 WHERE name = 'purge'"));
      locked = true;
      while (!release) std::this_thread::yield();
      return 0;
    }));
  });
  while (!locked) std::this_thread::yield();
  if (GetParam() == Engine::kSqlite) release = true;  // there one waits before the body begins
  int runs = 0;
  const auto done = impatient->write([&](Transaction& tx) -> Result<int> {
    ++runs;
    const auto first = tx.execute("UPDATE sequence SET v = v + 1 WHERE name = 'purge'");
    if (!first) {  // a body that goes on regardless, as none should
      release = true;
      EXPECT_EQ(put_secret(tx, "half").error().code, Code::kUnavailable);
      return 0;
    }
    return 1;
  });
  release = true;
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(*done, 1);
  if (GetParam() == Engine::kMariadb) EXPECT_GE(runs, 2);
  EXPECT_FALSE(db().read([](Transaction& tx) { return SecretStore(tx).get("half"); }));
}

TEST_P(DatabaseTest, WhoCannotHaveAConnectionIsTold) {
  auto narrow = open_again({.connections = 1, .acquire_timeout = std::chrono::milliseconds(20)});
  const auto outer = narrow->read([&](Transaction&) -> Result<int> {
    const auto inner = narrow->read([](Transaction&) -> Result<int> { return 0; });
    EXPECT_EQ(inner.error().code, Code::kTimeout);
    return 0;
  });
  EXPECT_TRUE(outer);
}

TEST_P(DatabaseTest, AKilledWriterLosesNothingCommittedAndLeavesNothingElse) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto mine = Database::open(url());
    bool ok = mine.has_value();
    ok = ok && (*mine)->write([](Transaction& tx) { return put_secret(tx, "committed"); });
    ok = ok && (*mine)->write([&](Transaction& tx) -> Status {
      YZ_CHECK(put_secret(tx, "half"));
      (void)!::write(ready[1], "x", 1);
      for (;;) ::pause();
    });
    (void)!::write(ready[1], "-", 1);
    ::_exit(ok ? 0 : 1);
  }
  char c = 0;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_EQ(c, 'x');
  write([](Transaction& tx) { return put_secret(tx, "after").map([] { return 0; }); });
  EXPECT_TRUE(db().read([](Transaction& tx) { return SecretStore(tx).get("committed"); }));
  EXPECT_FALSE(db().read([](Transaction& tx) { return SecretStore(tx).get("half"); }));
}

TEST_P(DatabaseTest, TheServerMayRestartBetweenTransactions) {
  write([](Transaction& tx) { return put_secret(tx, "before").map([] { return 0; }); });
  if (GetParam() == Engine::kMariadb) {
    std::string error;
    const auto restarted = shared_mariadb(error)->restart();
    ASSERT_TRUE(restarted) << restarted.error().message;
  }
  write([](Transaction& tx) { return put_secret(tx, "after").map([] { return 0; }); });
  EXPECT_TRUE(db().read([](Transaction& tx) { return SecretStore(tx).get("before"); }));
}

TEST_P(DatabaseTest, AServerThatIsAwayIsUnavailableAndComesBack) {
  if (GetParam() == Engine::kMariadb) {
    std::string error;
    shared_mariadb(error)->stop();
    const auto away = db().write([](Transaction& tx) { return put_secret(tx, "x"); });
    EXPECT_EQ(away.error().code, Code::kUnavailable);
    EXPECT_TRUE(away.error().retryable);
    EXPECT_EQ(Database::open(url()).error().code, Code::kUnavailable);
    ASSERT_TRUE(shared_mariadb(error)->restart());
  }
  EXPECT_TRUE(db().write([](Transaction& tx) { return put_secret(tx, "x"); }));
}

TEST(DatabaseUrl, ReadsBothForms) {
  EXPECT_EQ(DatabaseUrl::parse("sqlite:/var/lib/yz.db")->path, "/var/lib/yz.db");
  EXPECT_EQ(DatabaseUrl::parse("sqlite:yz.db")->path, "yz.db");
  const auto url = DatabaseUrl::parse("mysql://yz:p%40ss@db.example:3307/yizhan");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->user, "yz");
  EXPECT_EQ(url->password, "p@ss");
  EXPECT_EQ(url->host, "db.example");
  EXPECT_EQ(url->port, 3307);
  EXPECT_EQ(url->database, "yizhan");
  EXPECT_EQ(DatabaseUrl::parse("mysql://root@localhost/d?socket=%2Frun%2Fs")->socket, "/run/s");
}

TEST(DatabaseUrl, RefusesTheRestWithoutShowingThePassword) {
  for (const std::string_view bad : {"", "sqlite:", "sqlite::memory:", "postgres://h/d", "mysql://u:secret@h",
                                     "mysql://u:secret@h/", "mysql://u:secret@h:0/d", "mysql://u:secret@h:x/d",
                                     "mysql://u:secret@/d", "mysql://u:secret@h/d?ssl=1", "mysql://u:%zz@h/d"}) {
    const auto url = DatabaseUrl::parse(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code, Code::kInvalid) << bad;
    EXPECT_EQ(url.error().message.find("secret"), std::string::npos) << bad;
  }
}

TEST(Sqlite, AFolderThatDoesNotExistAndAFileThatIsNoDatabaseAreErrors) {
  EXPECT_FALSE(Database::open("sqlite:/nonexistent/folder/x.db"));
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "text.db", std::string(10'000, 'x')));
  EXPECT_EQ(Database::open("sqlite:" + (folder.path() / "text.db").native()).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace yz::store
