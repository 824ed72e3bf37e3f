// The smaller repositories: purge log, tokens, join tokens, leases, idempotency keys, secrets, audit chain.

#include "base/hash.h"
#include "base/text.h"
#include "store/audit_log.h"
#include "store/idempotency_store.h"
#include "store/join_token_store.h"
#include "store/lease_store.h"
#include "store/purge_log.h"
#include "store/secret_store.h"
#include "store/store_test.h"
#include "store/tenant_store.h"
#include "store/token_store.h"

namespace yz::store {
namespace {

using std::chrono::seconds;

class RecordsTest : public StoreTest {
 protected:
  std::vector<model::PurgeRecord> purge(std::size_t count, model::PurgeKind kind = model::PurgeKind::kUrl) {
    std::vector<model::PurgeRecord> records(count);
    for (auto& record : records) {
      record.kind = kind;
      record.domain = {4};
      record.key = "/a?b='c'";
      record.hard = false;
      record.issued_at = now();
    }
    return write([&](Transaction& tx) { return PurgeLog(tx).append(records); });
  }
  std::vector<model::PurgeRecord> purges_since(std::uint64_t after, std::size_t limit = 1000) {
    return read([&](Transaction& tx) { return PurgeLog(tx).since({after}, limit); });
  }
  Result<ApiToken> authenticate(std::string secret) {
    return db().read([&](Transaction& tx) { return TokenStore(tx).authenticate(secret, now()); });
  }
  Lease acquire(std::string holder) {
    return write([&](Transaction& tx) { return LeaseStore(tx).acquire("master", holder, seconds(10), now()); });
  }
};
YZ_ON_BOTH_ENGINES(RecordsTest);

TEST_P(RecordsTest, PurgesAreNumberedInOrderAndReplayable) {
  EXPECT_EQ(read([](Transaction& tx) { return PurgeLog(tx).oldest(); }).value, 1u);
  const auto first = purge(3);
  const auto second = purge(500, model::PurgeKind::kDirectory);
  EXPECT_EQ(first.back().seq.value, 3u);
  EXPECT_EQ(second.back().seq.value, 503u);
  EXPECT_EQ(read([](Transaction& tx) { return PurgeLog(tx).head(); }).value, 503u);
  const auto replayed = purges_since(3);
  EXPECT_EQ(replayed, second);
  EXPECT_EQ(purges_since(0, 2).size(), 2u);
  EXPECT_TRUE(purges_since(503).empty());
}

TEST_P(RecordsTest, RetentionDropsAPrefixOfThePurgeLog) {
  purge(2);
  advance(seconds(100));
  purge(1);
  advance(seconds(-50));  // the clock was set back
  purge(1);
  const auto drop = [&](WallTime before) {
    return write([&](Transaction& tx) { return PurgeLog(tx).drop_before(before); });
  };
  EXPECT_EQ(drop(now() + seconds(10)), 2u);
  EXPECT_EQ(read([](Transaction& tx) { return PurgeLog(tx).oldest(); }).value, 3u);
  EXPECT_EQ(purges_since(0).size(), 2u);
  EXPECT_EQ(drop(now() + seconds(1000)), 2u);
  EXPECT_EQ(read([](Transaction& tx) { return PurgeLog(tx).oldest(); }).value, 5u);
  EXPECT_EQ(purge(1).front().seq.value, 5u);
}

TEST_P(RecordsTest, ATokenIsKnownByItsSecretOnly) {
  const auto made = write([&](Transaction& tx) {
    return TokenStore(tx).create(author(), {.id = {}, .name = "deploy", .role = "operator"});
  });
  ASSERT_TRUE(authenticate(made.secret));
  EXPECT_EQ(authenticate(made.secret)->role, "operator");
  EXPECT_FALSE(authenticate(made.secret)->tenant);
  EXPECT_EQ(authenticate(made.secret + "x").error().code, Code::kUnauthenticated);
  EXPECT_EQ(authenticate("").error().code, Code::kUnauthenticated);
  const auto row = read([](Transaction& tx) { return tx.query_one("SELECT hash FROM api_token", 1); });
  EXPECT_EQ(row->text(0), to_hex(sha256(made.secret)));
  const auto audit = read([](Transaction& tx) { return AuditLog(tx).list({}, {}); });
  EXPECT_EQ(audit.items.at(0).detail.find(made.secret), std::string::npos);
}

TEST_P(RecordsTest, TokensExpireAndAreRevoked) {
  add_basics();
  const auto made = write([&](Transaction& tx) {
    return TokenStore(tx).create(
        author(),
        {.id = {}, .name = "t", .role = "tenant", .tenant = {1}, .created = {}, .expires = now() + seconds(10)});
  });
  EXPECT_EQ(authenticate(made.secret)->tenant, model::TenantId{1});
  write([&](Transaction& tx) { return TokenStore(tx).touch(made.token.id, now()).map([] { return 0; }); });
  EXPECT_EQ(authenticate(made.secret)->last_used, now());
  advance(seconds(10));
  EXPECT_EQ(authenticate(made.secret).error().code, Code::kUnauthenticated);

  const auto chosen = write([&](Transaction& tx) {
    return TokenStore(tx).create_with_secret(author(), {.id = {}, .name = "first", .role = "operator"},
                                             "a-long-enough-secret");
  });
  EXPECT_TRUE(authenticate("a-long-enough-secret"));
  EXPECT_EQ(db().write([&](Transaction& tx) {
                  return TokenStore(tx).create_with_secret(author(), {}, "a-long-enough-secret");
                })
                .error()
                .code,
            Code::kAlreadyExists);
  EXPECT_EQ(db().write([&](Transaction& tx) { return TokenStore(tx).create_with_secret(author(), {}, "short"); })
                .error()
                .code,
            Code::kInvalid);
  EXPECT_EQ(read([](Transaction& tx) { return TokenStore(tx).list({}); }).items.size(), 2u);
  EXPECT_EQ(read([](Transaction& tx) { return TokenStore(tx).list({}, model::TenantId{1}); }).items.size(), 1u);
  EXPECT_TRUE(db().write([&](Transaction& tx) { return TokenStore(tx).revoke(author(), chosen.id); }));
  EXPECT_FALSE(authenticate("a-long-enough-secret"));
  EXPECT_EQ(db().write([&](Transaction& tx) { return TokenStore(tx).revoke(author(), chosen.id); }).error().code,
            Code::kNotFound);
}

TEST_P(RecordsTest, AJoinTokenWorksOnce) {
  const auto make = [&] {
    return write([&](Transaction& tx) {
      return JoinTokenStore(tx).create(
          author(), {.id = {}, .role = "edge", .node = {9}, .name = {}, .created = {}, .expires = now() + seconds(60)});
    });
  };
  const auto redeem = [&](const std::string& secret) {
    return db().write([&](Transaction& tx) { return JoinTokenStore(tx).redeem(secret, "192.0.2.7", now()); });
  };
  const auto made = make();
  const auto used = redeem(made.secret);
  ASSERT_TRUE(used);
  EXPECT_EQ(used->node, model::NodeId{9});
  EXPECT_EQ(used->used_by, "192.0.2.7");
  EXPECT_EQ(redeem(made.secret).error().code, Code::kUnauthenticated);
  EXPECT_EQ(redeem("unknown").error().code, Code::kUnauthenticated);
  const auto late = make();
  advance(seconds(60));
  EXPECT_EQ(redeem(late.secret).error().code, Code::kUnauthenticated);
  EXPECT_EQ(read([](Transaction& tx) { return JoinTokenStore(tx).list({}); }).items.size(), 2u);
  EXPECT_EQ(write([&](Transaction& tx) { return JoinTokenStore(tx).drop_expired(now() + seconds(1)); }), 2u);
}

TEST_P(RecordsTest, WhereTheHolderOfALeaseIsReachedIsKeptBesideIt) {
  const auto address = [&] { return read([](Transaction& tx) { return LeaseStore(tx).address_of("a"); }); };
  EXPECT_EQ(address(), "");
  for (const char* at : {"http://10.0.0.1:8080", "http://10.0.0.2:8080"}) {
    write([&](Transaction& tx) { return LeaseStore(tx).put_address("a", at).map([] { return 0; }); });
    EXPECT_EQ(address(), at);
  }
}

TEST_P(RecordsTest, ALeaseHasOneHolderUntilItExpires) {
  EXPECT_EQ(acquire("a").holder, "a");
  EXPECT_EQ(acquire("b").holder, "a");
  advance(seconds(9));
  const auto renewed = acquire("a");
  EXPECT_EQ(renewed.expires, now() + seconds(10));
  EXPECT_EQ(renewed.term, 1u);
  advance(seconds(9));
  EXPECT_EQ(acquire("b").holder, "a");
  advance(seconds(1));
  const auto taken = acquire("b");
  EXPECT_EQ(taken.holder, "b");
  EXPECT_EQ(taken.term, 2u);
  EXPECT_EQ(acquire("a").holder, "b");
  write([](Transaction& tx) { return LeaseStore(tx).release("master", "a").map([] { return 0; }); });
  EXPECT_EQ(acquire("a").holder, "b");
  write([](Transaction& tx) { return LeaseStore(tx).release("master", "b").map([] { return 0; }); });
  EXPECT_EQ(acquire("a").term, 3u);
  EXPECT_EQ(read([](Transaction& tx) { return LeaseStore(tx).get("master"); })->holder, "a");
  EXPECT_FALSE(read([](Transaction& tx) { return LeaseStore(tx).get("other"); }));
}

TEST_P(RecordsTest, ARepeatedRequestGetsItsFirstAnswer) {
  const auto ask = [&](std::string_view request) {
    return db().write([&](Transaction& tx) -> Result<RememberedAnswer> {
      IdempotencyStore store(tx);
      YZ_TRY(auto known, store.begin("tenant:1", "k1", request, now()));
      if (known) return *known;
      const RememberedAnswer answer{.status = 201, .content_type = "application/json", .body = "{\"id\":1}"};
      YZ_CHECK(store.finish("tenant:1", "k1", answer));
      return answer;
    });
  };
  ASSERT_TRUE(ask("POST /x {}"));
  const auto again = ask("POST /x {}");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status, 201);
  EXPECT_EQ(again->body, "{\"id\":1}");
  EXPECT_EQ(ask("POST /y {}").error().code, Code::kConflict);
  EXPECT_EQ(ask("POST /y {}").error().fault, Fault::kClient);
  EXPECT_EQ(write([&](Transaction& tx) { return IdempotencyStore(tx).drop_before(now() + seconds(1)); }), 1u);
  EXPECT_TRUE(ask("POST /y {}"));
}

TEST_P(RecordsTest, AFailedRequestLeavesItsKeyFree) {
  EXPECT_FALSE(db().write([&](Transaction& tx) -> Result<int> {
    YZ_CHECK(IdempotencyStore(tx).begin("s", "k", "r", now()));
    return fail(Code::kInvalid, "bad body");
  }));
  EXPECT_FALSE(write([&](Transaction& tx) { return IdempotencyStore(tx).begin("s", "k", "other", now()); }));
}

TEST_P(RecordsTest, AKeyIsFreeAgainWhenItsTransactionGoesOnWithoutIt) {
  write([&](Transaction& tx) -> Result<int> {
    YZ_CHECK(IdempotencyStore(tx).begin("s", "k", "r", now()));
    YZ_CHECK(IdempotencyStore(tx).begin("s", "other", "r", now()));
    YZ_CHECK(IdempotencyStore(tx).forget("s", "k"));
    return 0;
  });
  EXPECT_FALSE(write([&](Transaction& tx) { return IdempotencyStore(tx).begin("s", "k", "r", now()); }));
  EXPECT_TRUE(write([&](Transaction& tx) { return IdempotencyStore(tx).begin("s", "other", "r", now()); }));
}

TEST_P(RecordsTest, TheFirstSecretStays) {
  const auto put = [&](std::string value) {
    return write([&](Transaction& tx) { return SecretStore(tx).get_or_put("ca", value, now()); });
  };
  EXPECT_EQ(put("first"), "first");
  EXPECT_EQ(put("second"), "first");
  EXPECT_EQ(db().read([](Transaction& tx) { return SecretStore(tx).get("none"); }).error().code, Code::kNotFound);
}

TEST_P(RecordsTest, TheAuditChainShowsTampering) {
  for (int i = 0; i < 5; ++i) {
    write([&](Transaction& tx) { return AuditLog(tx).add(author(), "login", "user", "eve").map([] { return 0; }); });
  }
  const auto broken = [&] { return read([](Transaction& tx) { return AuditLog(tx).verify(); }).first_broken; };
  EXPECT_FALSE(broken());
  EXPECT_EQ(read([](Transaction& tx) { return AuditLog(tx).verify(); }).head.size(), 64u);
  write([](Transaction& tx) { return tx.execute("UPDATE audit SET actor = 'nobody' WHERE id = 3"); });
  EXPECT_EQ(broken(), 3u);
  write([](Transaction& tx) { return tx.execute("DELETE FROM audit WHERE id IN (2, 3)"); });
  EXPECT_EQ(broken(), 2u);
}

TEST_P(RecordsTest, AForgedOrMissingLastAuditEntryShows) {
  for (int i = 0; i < 3; ++i) {
    write([&](Transaction& tx) { return AuditLog(tx).add(author(), "drain", "node", "1").map([] { return 0; }); });
  }
  const auto broken = [&] { return read([](Transaction& tx) { return AuditLog(tx).verify(); }).first_broken; };
  write([](Transaction& tx) {
    return tx.execute(
        "INSERT INTO audit SELECT 4, at, actor, address, request_id, tenant, action, kind, target, "
        "detail, hash FROM audit WHERE id = 3");
  });
  EXPECT_EQ(broken(), 4u);
  write([](Transaction& tx) { return tx.execute("DELETE FROM audit WHERE id >= 3"); });
  EXPECT_EQ(broken(), 3u);
}

TEST_P(RecordsTest, TheAuditLogIsNewestFirstAndFiltered) {
  for (const std::string_view target : {"1", "2", "1"}) {
    write([&](Transaction& tx) { return AuditLog(tx).add(author(), "drain", "node", target).map([] { return 0; }); });
  }
  const auto list = [&](AuditFilter filter, Page page) {
    return read([&](Transaction& tx) { return AuditLog(tx).list(filter, page); });
  };
  EXPECT_EQ(list({.tenant = {}, .kind = "node", .target = "1"}, {}).items.size(), 2u);
  EXPECT_EQ(list({.tenant = {}, .kind = {}, .target = {}, .actor = "nobody"}, {}).items.size(), 0u);
  const auto page = list({}, {.after = 0, .limit = 2});
  EXPECT_EQ(page.items.at(0).id, 3u);
  EXPECT_EQ(page.next, 2u);
  EXPECT_EQ(list({}, {.after = page.next, .limit = 2}).next, 0u);
}

}  // namespace
}  // namespace yz::store
