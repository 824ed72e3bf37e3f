#include "control/refresh_targets.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace yz::control {
namespace {

using nlohmann::json;

class RefreshTargets : public testing::Test {
 protected:
  RefreshTargets() {
    add(1, 10, "www.a.com", {"a.com"});
    add(2, 20, "www.b.com", {});
    tenant_.token_id = 5;
    tenant_.role = Role::kTenant;
    tenant_.tenant = model::TenantId{10};
    operator_.token_id = 6;
    operator_.role = Role::kOperator;
  }

  void add(std::uint64_t id, std::uint64_t tenant, std::string name, std::vector<std::string> aliases) {
    model::Domain domain;
    domain.id = model::DomainId{id};
    domain.tenant = model::TenantId{tenant};
    domain.name = std::move(name);
    domain.aliases = std::move(aliases);
    config_.put(domain, model::ConfigSeq{id});
  }

  std::string first_pointer(const json& body, const Principal& who) {
    const auto wish = read_refresh(body, config_, who);
    return wish ? "none" : wish.error().errors.empty() ? "status" : wish.error().errors[0].pointer;
  }

  model::ConfigSnapshot config_;
  Principal tenant_;
  Principal operator_;
};

TEST_F(RefreshTargets, ReadsEveryKindOfTarget) {
  const auto wish = read_refresh({{"urls", {"http://www.a.com/x?b=1#frag", "https://A.com:8443"}},
                                  {"directories", {"http://www.a.com/img/"}},
                                  {"tags", {{{"domain", "www.a.com"}, {"tag", "t1"}}}},
                                  {"domains", {"a.com"}},
                                  {"mode", "soft"}},
                                 config_, tenant_);
  ASSERT_TRUE(wish) << wish.error().detail;
  ASSERT_EQ(wish->targets.size(), 5U);
  EXPECT_EQ(wish->targets[0].key, "/x?b=1");
  EXPECT_EQ(wish->targets[1].key, "/");
  EXPECT_EQ(wish->targets[1].domain, model::DomainId{1}) << "an alias is its domain";
  EXPECT_EQ(wish->targets[2].kind, model::PurgeKind::kDirectory);
  EXPECT_EQ(wish->targets[3].key, "t1");
  EXPECT_EQ(wish->targets[4].kind, model::PurgeKind::kHost);
  EXPECT_FALSE(wish->hard);
  EXPECT_EQ(wish->tenant, model::TenantId{10});
}

TEST_F(RefreshTargets, PointAtWhatIsWrong) {
  EXPECT_EQ(first_pointer({{"urls", {"http://www.a.com/", "ftp://www.a.com/"}}}, tenant_), "/urls/1");
  EXPECT_EQ(first_pointer({{"urls", {"http://user@www.a.com/"}}}, tenant_), "/urls/0");
  EXPECT_EQ(first_pointer({{"urls", {"http://www.a.com/a b"}}}, tenant_), "/urls/0");
  EXPECT_EQ(first_pointer({{"directories", {"http://www.a.com/img"}}}, tenant_), "/directories/0");
  EXPECT_EQ(first_pointer({{"tags", {{{"domain", "www.a.com"}, {"tag", "a b"}}}}}, tenant_), "/tags/0/tag");
  EXPECT_EQ(first_pointer({{"tags", {{{"domain", "www.a.com"}}}}}, tenant_), "/tags/0/tag");
  EXPECT_EQ(first_pointer({{"url", {"http://www.a.com/"}}}, tenant_), "/url");
  EXPECT_EQ(first_pointer(json::object(), tenant_), "");
  EXPECT_EQ(first_pointer({{"mode", "medium"}, {"domains", {"a.com"}}}, tenant_), "/mode");
}

TEST_F(RefreshTargets, AnotherTenantsDomainDoesNotExist) {
  EXPECT_EQ(first_pointer({{"domains", {"www.b.com"}}}, tenant_), "/domains/0");
  EXPECT_EQ(first_pointer({{"domains", {"www.b.com"}}}, operator_), "none");
  const auto all = read_refresh({{"all", true}}, config_, tenant_);
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().status, 403);
  EXPECT_TRUE(read_refresh({{"all", true}}, config_, operator_));
}

TEST_F(RefreshTargets, ATaskOverTwoTenantsBelongsToNone) {
  const auto wish = read_refresh({{"domains", {"www.a.com", "www.b.com"}}}, config_, operator_);
  ASSERT_TRUE(wish);
  EXPECT_FALSE(wish->tenant);
  EXPECT_EQ(read_refresh({{"domains", {"www.a.com"}}}, config_, operator_)->tenant, model::TenantId{10});
}

}  // namespace
}  // namespace yz::control
