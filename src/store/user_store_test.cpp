// Users, sessions, counted logins, restricted tokens, and sealing what is stored.

#include "store/user_store.h"

#include <atomic>
#include <thread>

#include "store/audit_log.h"
#include "store/certificate_store.h"
#include "store/config_log.h"
#include "store/login_guard.h"
#include "store/seal_stored.h"
#include "store/secret_store.h"
#include "store/session_store.h"
#include "store/store_test.h"
#include "store/tenant_store.h"
#include "store/token_store.h"

namespace yz::store {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class UserStoreTest : public StoreTest {
 protected:
  Stored<User> add(const std::string& email) {
    return write([&](Transaction& tx) {
      User user;
      user.email = email;
      user.name = "Ann";
      user.role = "admin";
      return UserStore(tx).create(author(), user, "$argon2id$hash");
    });
  }
  std::string audit_text() {
    std::string out;
    for (const AuditEntry& entry : read([](Transaction& tx) { return AuditLog(tx).list({}, {}); }).items) {
      out += entry.action + ' ' + entry.target + ' ' + entry.detail + '\n';
    }
    return out;
  }
  static DatabaseOptions sealing(char key) {
    DatabaseOptions out;
    out.sealer = Sealer(std::string(Sealer::kKeyBytes, key));
    return out;
  }
};
YZ_ON_BOTH_ENGINES(UserStoreTest);

TEST_P(UserStoreTest, AUserIsKeptChangedAndRemoved) {
  const auto made = add("ann@example.com");
  auto user = made.value;
  user.name = "Ann Example";
  user.domains = {model::DomainId{3}, model::DomainId{5}};
  const auto changed = write([&](Transaction& tx) { return UserStore(tx).update(author(), user, 1); });
  EXPECT_EQ(changed.version, 2u);
  const auto stale = db().write([&](Transaction& tx) { return UserStore(tx).update(author(), user, 1); });
  EXPECT_TRUE(is_version_mismatch(stale.error()));
  const auto found = read([](Transaction& tx) { return UserStore(tx).find("ann@example.com"); });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value.name, "Ann Example");
  EXPECT_EQ(found->value.domains, user.domains);
  EXPECT_FALSE(found->value.has_second_factor);
  write([&](Transaction& tx) { return UserStore(tx).remove(author(), user.id).map([] { return 0; }); });
  EXPECT_FALSE(read([](Transaction& tx) { return UserStore(tx).find("ann@example.com"); }));
  EXPECT_EQ(read([](Transaction& tx) { return UserStore(tx).count(); }), 0u);
}

TEST_P(UserStoreTest, AnEmailIsOfOneUserOnly) {
  add("ann@example.com");
  const auto again = db().write([&](Transaction& tx) {
    User user;
    user.email = "ann@example.com";
    return UserStore(tx).create(author(), user, "");
  });
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
  EXPECT_EQ(again.error().fault, Fault::kClient);
}

TEST_P(UserStoreTest, NoSecretIsInTheAudit) {
  const UserId id = add("ann@example.com").value.id;
  write([&](Transaction& tx) -> Result<int> {
    UserStore users(tx);
    YZ_CHECK(users.set_password(author(), id, "$argon2id$other", true, "reset_password"));
    YZ_CHECK(users.begin_totp(id, "the secret"));
    YZ_CHECK(users.confirm_totp(author(), id, 7, {"hash-of-code"}));
    YZ_CHECK(users.drop_totp(author(), id, "disable_totp"));
    return 0;
  });
  const std::string text = audit_text();
  for (const char* action : {"create", "reset_password", "enable_totp", "disable_totp"}) {
    EXPECT_NE(text.find(action), std::string::npos) << action;
  }
  for (const char* secret : {"argon2", "the secret", "hash-of-code"}) {
    EXPECT_EQ(text.find(secret), std::string::npos) << secret;
  }
}

TEST_P(UserStoreTest, ATimeStepAndARecoveryCodeAreGoodOnce) {
  const UserId id = add("ann@example.com").value.id;
  write([&](Transaction& tx) -> Result<int> {
    UserStore users(tx);
    YZ_CHECK(users.begin_totp(id, "secret"));
    YZ_CHECK(users.confirm_totp(author(), id, 100, {"a", "b"}));
    return 0;
  });
  const auto step = [&](std::uint64_t number) {
    return write([&](Transaction& tx) { return UserStore(tx).use_totp_step(id, number); });
  };
  EXPECT_FALSE(step(100));
  EXPECT_TRUE(step(101));
  EXPECT_FALSE(step(101));
  const auto code = [&](const char* hash) {
    return write([&](Transaction& tx) { return UserStore(tx).use_recovery_code(id, hash); });
  };
  EXPECT_TRUE(code("a"));
  EXPECT_FALSE(code("a"));
  EXPECT_FALSE(code("c"));
  EXPECT_EQ(read([&](Transaction& tx) { return UserStore(tx).recovery_codes_left(id); }), 1u);
  const auto again = db().write([&](Transaction& tx) { return UserStore(tx).begin_totp(id, "other"); });
  EXPECT_EQ(again.error().code, Code::kConflict);
}

TEST_P(UserStoreTest, ASessionEndsByIdlenessByAgeAndByRevocation) {
  const UserId user = add("ann@example.com").value.id;
  const SessionLimits limits{minutes(30), hours(2)};
  const auto begin = [&] {
    return write([&](Transaction& tx) { return SessionStore(tx).create(user, "curl", "192.0.2.1", limits, now()); });
  };
  const auto lives = [&](const NewSession& session) {
    return db()
        .read([&](Transaction& tx) { return SessionStore(tx).authenticate(session.secret, limits, now()); })
        .has_value();
  };
  const auto touch = [&](const NewSession& session) {
    write([&](Transaction& tx) {
      return SessionStore(tx).touch(session.session.id, "192.0.2.2", now()).map([] { return 0; });
    });
  };
  const NewSession idle = begin();
  const NewSession busy = begin();
  EXPECT_NE(idle.secret, busy.secret);
  EXPECT_TRUE(lives(idle));
  for (int i = 0; i < 4; ++i) {
    advance(minutes(29));
    touch(busy);
  }
  EXPECT_FALSE(lives(idle));
  EXPECT_TRUE(lives(busy));
  EXPECT_EQ(read([&](Transaction& tx) { return SessionStore(tx).list(user, limits, now()); }).size(), 1u);
  advance(minutes(5));
  EXPECT_FALSE(lives(busy)) << "two hours are over, however busy";
  EXPECT_EQ(write([&](Transaction& tx) { return SessionStore(tx).drop_expired(limits, now()); }), 2u);

  const NewSession first = begin();
  const NewSession second = begin();
  EXPECT_FALSE(write([&](Transaction& tx) { return SessionStore(tx).revoke(UserId{99}, first.session.id); }));
  EXPECT_TRUE(write([&](Transaction& tx) { return SessionStore(tx).revoke(user, first.session.id); }));
  EXPECT_FALSE(lives(first));
  EXPECT_EQ(write([&](Transaction& tx) { return SessionStore(tx).revoke_all(user, second.session.id); }), 0u);
  EXPECT_TRUE(lives(second));
  const auto hashes = read([](Transaction& tx) { return tx.query("SELECT hash FROM user_session", 1); });
  EXPECT_NE(hashes.at(0).text(0), second.secret);
}

TEST_P(UserStoreTest, AttemptsCostMoreAndMoreAndAreForgotten) {
  const LoginLimit limit{.free = 2, .first_wait = seconds(5), .longest_wait = seconds(12), .forgotten_after = hours(1)};
  const auto take = [&] {
    return write([&](Transaction& tx) { return LoginGuard(tx).take("account:a", limit, now()); }).count();
  };
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 0) << "the third is judged, and costs";
  EXPECT_EQ(take(), 5);
  EXPECT_EQ(take(), 5) << "asking while waiting costs nothing more";
  advance(seconds(5));
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 10);
  advance(seconds(10));
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 12) << "not longer than the longest";
  advance(hours(2));
  EXPECT_EQ(take(), 0);
  EXPECT_EQ(take(), 0) << "counted from the start again";
  write([](Transaction& tx) { return LoginGuard(tx).forget("account:a").map([] { return 0; }); });
  EXPECT_EQ(take(), 0);
  advance(hours(48));
  EXPECT_EQ(write([&](Transaction& tx) { return LoginGuard(tx).drop_before(now() - hours(24)); }), 1u);
}

TEST_P(UserStoreTest, AttemptsAtOnceAreAllCounted) {
  const LoginLimit limit{.free = 5};
  std::atomic<int> judged = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&] {
      const auto wait = db().write([&](Transaction& tx) { return LoginGuard(tx).take("address:a", limit, now()); });
      if (wait && wait->count() == 0) ++judged;
    });
  }
  threads.clear();
  EXPECT_EQ(judged, 6);
}

TEST_P(UserStoreTest, ATokensRestrictionsAreKept) {
  const auto made = write([&](Transaction& tx) {
    return TokenStore(tx).create(author(), {.id = {},
                                            .name = "ci",
                                            .role = "operator",
                                            .permissions = {"refresh:write"},
                                            .addresses = {"10.0.0.0/8"},
                                            .domains = {model::DomainId{4}}});
  });
  const auto found = read([&](Transaction& tx) { return TokenStore(tx).authenticate(made.secret, now()); });
  EXPECT_EQ(found.permissions, std::vector<std::string>{"refresh:write"});
  EXPECT_EQ(found.addresses, std::vector<std::string>{"10.0.0.0/8"});
  EXPECT_EQ(found.domains, std::vector{model::DomainId{4}});
}

TEST_P(UserStoreTest, WhatWasStoredOpenIsSealedOnceThereIsAKey) {
  add_basics();
  write([&](Transaction& tx) {
    model::Certificate certificate;
    certificate.tenant = {1};
    certificate.name = "site";
    certificate.key_pem = "the private key";
    return CertificateStore(tx).create(author(), certificate);
  });
  write([&](Transaction& tx) { return SecretStore(tx).get_or_put("signing", "value", now()); });
  const auto before = read([](Transaction& tx) { return ConfigLog(tx).snapshot(); });

  auto sealed = open_again(sealing('k'));
  EXPECT_GT(*seal_stored(*sealed, now()), 0u);
  EXPECT_EQ(*seal_stored(*sealed, now()), 0u) << "done once";
  EXPECT_EQ(*sealed->read([](Transaction& tx) { return ConfigLog(tx).snapshot(); }), before);
  EXPECT_EQ(*sealed->read([&](Transaction& tx) { return ConfigLog(tx).snapshot_at(before.seq); }), before);
  EXPECT_EQ(*sealed->read([](Transaction& tx) { return SecretStore(tx).get("signing"); }), "value");
  for (const char* table : {"resource", "config_log"}) {
    const auto open = read([&](Transaction& tx) {
      return tx.query(std::string("SELECT body FROM ") + table + " WHERE body NOT LIKE 's1.%'", 1);
    });
    EXPECT_TRUE(open.empty()) << table;
  }
  EXPECT_EQ(db().read([](Transaction& tx) { return ConfigLog(tx).snapshot(); }).error().code, Code::kPermission);
  EXPECT_EQ(seal_stored(*open_again(sealing('x')), now()).error().code, Code::kPermission) << "another key";
}

}  // namespace
}  // namespace yz::store
