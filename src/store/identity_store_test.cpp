#include "store/identity_store.h"

#include "store/audit_log.h"
#include "store/store_test.h"

namespace yz::store {
namespace {

constexpr std::string_view kIssuer = "https://id.test/realms/a";

class IdentityStoreTest : public StoreTest {
 protected:
  UserId add(const std::string& email) {
    return write([&](Transaction& tx) {
             User user;
             user.email = email;
             user.role = "admin";
             return UserStore(tx).create(author(), user, "");
           })
        .value.id;
  }
  Status link(UserId user, std::string_view issuer, std::string_view subject) {
    return db().write([&](Transaction& tx) { return IdentityStore(tx).link(author(), user, issuer, subject); });
  }
  std::optional<UserId> find(std::string_view issuer, std::string_view subject) {
    return read([&](Transaction& tx) { return IdentityStore(tx).find(issuer, subject); });
  }
};
YZ_ON_BOTH_ENGINES(IdentityStoreTest);

TEST_P(IdentityStoreTest, AUserSaysWhereItIsLinked) {
  const UserId ann = add("ann@a.com");
  const UserId bob = add("bob@a.com");
  const auto issuer_of = [&](UserId user) {
    return read([&](Transaction& tx) { return UserStore(tx).get(user); }).value.identity_issuer;
  };
  EXPECT_EQ(issuer_of(ann), "");
  ASSERT_TRUE(link(ann, kIssuer, "1"));
  EXPECT_EQ(issuer_of(ann), kIssuer);
  EXPECT_EQ(issuer_of(bob), "") << "somebody else";
  const auto listed = read([&](Transaction& tx) { return UserStore(tx).list({}, {}); }).items;
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].value.identity_issuer, kIssuer);
  User renamed = listed[0].value;
  renamed.name = "Ann";
  EXPECT_EQ(write([&](Transaction& tx) { return UserStore(tx).update(author(), renamed); }).value.identity_issuer,
            kIssuer);
  write([&](Transaction& tx) { return IdentityStore(tx).unlink_all(author(), ann); });
  EXPECT_EQ(issuer_of(ann), "");
}

TEST_P(IdentityStoreTest, SomebodyIsFoundByIssuerAndSubjectTogether) {
  const UserId ann = add("ann@a.com");
  EXPECT_FALSE(find(kIssuer, "1"));
  ASSERT_TRUE(link(ann, kIssuer, "1"));
  EXPECT_EQ(find(kIssuer, "1"), ann);
  EXPECT_FALSE(find("https://id.test/realms/b", "1"));
  EXPECT_FALSE(find(kIssuer, "2"));
  ASSERT_TRUE(link(ann, "https://id.test/realms/b", "Subject"));
  EXPECT_FALSE(find("https://id.test/realms/b", "subject")) << "subjects have case";
}

TEST_P(IdentityStoreTest, AUserIsOneSubjectOfAnIssuerAndASubjectIsOneUser) {
  const UserId ann = add("ann@a.com");
  const UserId bob = add("bob@a.com");
  ASSERT_TRUE(link(ann, kIssuer, "1"));
  for (const Status& refused : {link(ann, kIssuer, "2"), link(bob, kIssuer, "1")}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_EQ(refused.error().fault, Fault::kClient);
  }
  EXPECT_EQ(find(kIssuer, "1"), ann);
}

TEST_P(IdentityStoreTest, WhoIsUnlinkedOrRemovedIsNobody) {
  const UserId ann = add("ann@a.com");
  const UserId bob = add("bob@a.com");
  ASSERT_TRUE(link(ann, kIssuer, "1"));
  ASSERT_TRUE(link(bob, kIssuer, "2"));
  const auto unlink = [&] {
    return write([&](Transaction& tx) { return IdentityStore(tx).unlink_all(author(), ann); });
  };
  EXPECT_EQ(unlink(), 1U);
  EXPECT_EQ(unlink(), 0U);
  EXPECT_FALSE(find(kIssuer, "1"));
  ASSERT_TRUE(link(ann, kIssuer, "3")) << "and may be another subject now";
  write([&](Transaction& tx) { return UserStore(tx).remove(author(), bob).map([] { return 0; }); });
  EXPECT_FALSE(find(kIssuer, "2"));
  std::string actions;
  for (const AuditEntry& entry : read([](Transaction& tx) { return AuditLog(tx).list({}, {}); }).items) {
    actions += entry.action + ' ';
  }
  EXPECT_NE(actions.find("unlink_identity link_identity"), std::string::npos) << actions;
}

TEST_P(IdentityStoreTest, ALoginComesBackOnce) {
  const auto use = [&](std::string_view state) {
    return write([&](Transaction& tx) { return IdentityStore(tx).use_login(state, now() + std::chrono::minutes(10)); });
  };
  EXPECT_TRUE(use("state"));
  EXPECT_FALSE(use("state"));
  EXPECT_TRUE(use("State"));
  const auto drop = [&] {
    return write([&](Transaction& tx) { return IdentityStore(tx).drop_expired_logins(now()); });
  };
  EXPECT_EQ(drop(), 0U);
  advance(std::chrono::minutes(10));
  EXPECT_EQ(drop(), 2U);
}

}  // namespace
}  // namespace yz::store
