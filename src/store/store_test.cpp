#include "store/store_test.h"

#include <fmt/format.h>

#include "store/domain_store.h"
#include "store/origin_store.h"
#include "store/policy_store.h"
#include "store/tenant_store.h"

namespace yz::store {

namespace {

std::unique_ptr<MariadbServer> server;

class StopServer final : public testing::Environment {
 public:
  void TearDown() override { server.reset(); }
};
const auto* const environment = testing::AddGlobalTestEnvironment(new StopServer);

}  // namespace

MariadbServer* shared_mariadb(std::string& error) {
  static const auto started = [] {
    auto result = MariadbServer::start();
    if (!result) return result.error().message;
    server = *std::move(result);
    return std::string();
  }();
  error = started;
  return server.get();
}

void StoreTest::SetUp() {
  ASSERT_NE(environment, nullptr);
  if (GetParam() == Engine::kSqlite) {
    folder_.emplace();
    url_ = fmt::format("sqlite:{}", (folder_->path() / "test.db").native());
  } else {
    std::string error;
    MariadbServer* mariadb = shared_mariadb(error);
    ASSERT_NE(mariadb, nullptr) << error;
    static int number = 0;
    database_ = fmt::format("test_{}", ++number);
    const auto created = mariadb->create_database(database_);
    ASSERT_TRUE(created) << created.error().message;
    url_ = mariadb->url(database_);
  }
  db_ = open_again();
  ASSERT_NE(db_, nullptr);
}

void StoreTest::TearDown() {
  db_.reset();
  std::string error;
  if (!database_.empty()) EXPECT_TRUE(shared_mariadb(error)->drop_database(database_));
}

std::unique_ptr<Database> StoreTest::open_again(DatabaseOptions options) {
  options.durability = Durability::kProcess;  // tests end processes, not machines
  auto opened = Database::open(url_, options);
  EXPECT_TRUE(opened) << opened.error().message;
  return opened ? *std::move(opened) : nullptr;
}

void StoreTest::add_basics() {
  write([&](Transaction& tx) -> Result<int> {
    YZ_TRY(const auto tenant, TenantStore(tx).create(author(), {.id = {}, .name = "acme"}));
    model::OriginGroup group;
    group.tenant = tenant.value.id;
    group.name = "origin";
    group.origins = {{.host = "origin.example"}};
    YZ_CHECK(OriginStore(tx).create(author(), group));
    model::Policy policy;
    policy.name = "default";
    YZ_CHECK(PolicyStore(tx).create(author(), policy));
    return 0;
  });
}

model::Domain StoreTest::domain(std::string name) {
  model::Domain domain;
  domain.tenant = {1};
  domain.name = std::move(name);
  domain.origin_group = {1};
  domain.policy = {1};
  return domain;
}

Stored<model::Domain> StoreTest::add_domain(std::string name) {
  return write([&](Transaction& tx) { return DomainStore(tx).create(author(), domain(name)); });
}

}  // namespace yz::store
