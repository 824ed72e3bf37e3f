#pragma once

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/config_snapshot.h"
#include "store/database.h"
#include "store/mariadb_server_for_test.h"
#include "store/stored.h"

namespace yz::store {

enum class Engine { kSqlite, kMariadb };

/// One server for the whole run, started by the first test that wants it. Null (with `error`) when it cannot be.
MariadbServer* shared_mariadb(std::string& error);

/// Every test of the room runs on both engines, each time with an empty database.
class StoreTest : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] Database& db() { return *db_; }
  [[nodiscard]] const std::string& url() const { return url_; }
  /// Another pool on the same database, as another instance of control has.
  std::unique_ptr<Database> open_again(DatabaseOptions options = {});

  [[nodiscard]] WallTime now() const { return now_; }
  void advance(std::chrono::milliseconds by) { now_ += by; }
  [[nodiscard]] Author author() const { return {"tester", "192.0.2.1", "req-1", {}, now_}; }

  /// Runs a body and expects it to succeed; its value.
  template <typename Body>
  auto write(Body body) {
    auto result = db().write(body);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return *std::move(result);
  }
  template <typename Body>
  auto read(Body body) {
    auto result = db().read(body);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return *std::move(result);
  }

  /// A tenant, an origin group and a policy: what a domain needs. Ids are 1.
  void add_basics();
  [[nodiscard]] static model::Domain domain(std::string name);
  Stored<model::Domain> add_domain(std::string name);

 private:
  std::optional<TempFolder> folder_;
  std::string url_;
  std::string database_;
  std::unique_ptr<Database> db_;
  WallTime now_{std::chrono::seconds(1'700'000'000)};
};

#define YZ_ON_BOTH_ENGINES(suite)                                                              \
  INSTANTIATE_TEST_SUITE_P(Engines, suite, testing::Values(Engine::kSqlite, Engine::kMariadb), \
                           [](const auto& test) { return test.param == Engine::kSqlite ? "Sqlite" : "Mariadb"; })

}  // namespace yz::store
