#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "acme/fake_authority_for_test.h"
#include "control/test_cluster.h"

namespace yz::control::test {
namespace {

using acme::test::FakeAuthority;
using nlohmann::json;

/// A control with two authorities of our own, an edge and a scheduler that acknowledge. What the authorities look for
/// they find, or not, in what the edge and the scheduler were given.
class CertificateOrders : public ::testing::Test {
 protected:
  CertificateOrders() : control_([this](ControlSettings& settings) { adjust(settings); }) {
    world_ = control_.make_world(1);
    edge_ = std::make_unique<FakeNode>(control_, control_.join_token(world_.nodes[0]));
    scheduler_ = std::make_unique<FakeNode>(control_, control_.scheduler_token(), rpc::Role::kScheduler);
    for (FakeAuthority* authority : {&first_, &second_}) {
      authority->set([](auto& b) { b.polls_until_valid = 1; });
      authority->set_validator([this](const FakeAuthority::Check& check) { return is_shown(check); });
    }
  }

  void TearDown() override { control_.stop(); }  // before what the authorities look at

  void adjust(ControlSettings& settings) {
    CertificateDesk::Options& o = settings.certificates;
    o.issuer.connect = [this](const store::AcmeAccount& account) {
      return (account.directory == first_.directory() ? first_ : second_).connect();
    };
    o.issuer.poll = std::chrono::milliseconds(10);
    o.issuer.first_backoff = o.issuer.first_rejection = std::chrono::milliseconds(20);
    o.issuer.longest_backoff = std::chrono::milliseconds(100);
    o.look_every = std::chrono::milliseconds(20);
    o.renew_every = std::chrono::milliseconds(50);
    o.patience = std::chrono::milliseconds(500);
  }

  /// Whether what an authority looks for is where it looks.
  bool is_shown(const FakeAuthority::Check& check) {
    FakeNode& node = check.type == "dns-01" ? *scheduler_ : *edge_;
    bool found = false;
    (void)node.wait([&] {
      for (const auto& [id, entry] : node.config->challenges) {
        const model::Challenge& one = *entry.value;
        found = found || (one.host == check.host && one.token == check.token && !one.value.empty());
      }
      return true;
    });
    return found;
  }

  std::uint64_t add_account(const FakeAuthority& authority, const std::string& name, std::uint64_t priority,
                            json more = json::object()) {
    more.update({{"name", name}, {"directory", authority.directory()}, {"priority", priority}});
    return control_.create("settings/acme-accounts", more);
  }
  json order(json body) {
    body["tenant"] = world_.tenant;
    const Response made = control_.post("/api/v1/certificates/orders", body);
    EXPECT_EQ(made.status, 202) << made.body;
    return made.json();
  }
  json order_now(std::uint64_t id) { return control_.get("/api/v1/certificates/orders/" + std::to_string(id)).json(); }
  /// The order once it is over.
  json over(const json& order) {
    const std::uint64_t id = order.value("id", 0);
    for (int i = 0; i < 1000; ++i) {
      const json now = order_now(id);
      if (now.contains("finished")) return now;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "the order did not end: " << order_now(id);
    return order_now(id);
  }
  /// Waits until the certificate's chain is another one.
  bool is_replaced(std::uint64_t certificate, const std::string& before) {
    for (int i = 0; i < 1000; ++i) {
      if (chain_of(certificate) != before) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  std::string chain_of(std::uint64_t certificate) {
    return control_.get("/api/v1/certificates/" + std::to_string(certificate)).json().value("chain_pem", "");
  }

  FakeAuthority first_{SystemClock::instance(), "https://first.test"};
  FakeAuthority second_{SystemClock::instance(), "https://second.test"};
  TestControl control_;
  TestControl::World world_;
  std::unique_ptr<FakeNode> edge_;
  std::unique_ptr<FakeNode> scheduler_;
};

TEST_F(CertificateOrders, EndWithACertificateThatTheEdgeHasAndNoChallengeLeft) {
  add_account(first_, "first", 1, {{"contacts", {"ops@a.com"}}});
  const json done = over(order({{"names", {"www.a.com"}}}));
  ASSERT_EQ(done["state"], "valid") << done;
  const std::uint64_t id = done["certificate"];
  EXPECT_TRUE(edge_->wait([&] {
    const model::Certificate* held = edge_->config->certificates.find({id});
    return held != nullptr && held->source == model::CertificateSource::kAcme && edge_->config->challenges.empty();
  }));
  const json shown = control_.get("/api/v1/certificates/" + std::to_string(id)).json();
  EXPECT_EQ(shown["names"], json::array({"www.a.com"}));
  EXPECT_EQ(shown["source"], "acme");
  const json renewal = control_.get("/api/v1/certificates/" + std::to_string(id) + "/renewal").json();
  EXPECT_EQ(renewal["account"]["name"], "first");
  EXPECT_TRUE(renewal.contains("due")) << renewal;
  EXPECT_EQ(first_.accounts(), 1);
}

TEST_F(CertificateOrders, AWildcardIsProvedByWhatTheSchedulerAnswers) {
  add_account(first_, "first", 1);
  const json made = order({{"names", {"*.a.com"}}});
  EXPECT_EQ(made["challenge"], "dns-01");
  EXPECT_EQ(made["delegations"][0]["name"], "_acme-challenge.a.com");
  EXPECT_EQ(made["delegations"][0]["cname"], "_acme-challenge.a.com.cdn.test");
  EXPECT_EQ(over(made)["state"], "valid");
}

TEST_F(CertificateOrders, AreRefusedForNamesThatAreNotTheTenants) {
  add_account(first_, "first", 1);
  const Response refused = control_.post(
      "/api/v1/certificates/orders",
      {{"tenant", world_.tenant}, {"names", {"www.a.com", "other.com", "*.a.com"}}, {"challenge", "http-01"}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.json()["errors"][0]["pointer"], "/names/1");
  EXPECT_EQ(refused.json()["errors"][1]["pointer"], "/names/2");
  EXPECT_EQ(first_.requests(), 0);
}

TEST_F(CertificateOrders, NeedAnAuthority) {
  const Response refused =
      control_.post("/api/v1/certificates/orders", {{"tenant", world_.tenant}, {"names", {"www.a.com"}}});
  EXPECT_EQ(refused.status, 409);
}

TEST_F(CertificateOrders, ANameThatIsBlockedForAnAccountIsNeverAskedOfItsAuthority) {
  add_account(first_, "first", 1, {{"blocked", {"a.com"}}});
  json done = over(order({{"names", {"www.a.com"}}}));
  EXPECT_EQ(done["state"], "failed");
  EXPECT_NE(done["error"].get<std::string>().find("blocked"), std::string::npos);
  EXPECT_EQ(first_.requests(), 0);
}

TEST_F(CertificateOrders, WhatOneAuthorityWillNotDoTheNextIsAsked) {
  first_.set([](auto& b) { b.blocked.insert("www.a.com"); });
  add_account(first_, "first", 1);
  add_account(second_, "second", 2);
  const json done = over(order({{"names", {"www.a.com"}}}));
  EXPECT_EQ(done["state"], "valid") << done;
  EXPECT_EQ(done["account"]["name"], "second");
}

TEST_F(CertificateOrders, AnAuthorityThatIsDownIsWaitedForAndThenPassedBy) {
  first_.set([](auto& b) { b.is_down = true; });
  add_account(first_, "first", 1);
  const json made = order({{"names", {"www.a.com"}}});
  for (int i = 0; i < 500 && order_now(made["id"])["attempts"] == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_NE(order_now(made["id"])["error"].get<std::string>().find("connection refused"), std::string::npos);
  first_.set([](auto& b) { b.is_down = false; });
  EXPECT_EQ(over(made)["state"], "valid");

  first_.set([](auto& b) { b.is_down = true; });
  add_account(second_, "second", 2);
  const json other = over(order({{"names", {"www.a.com"}}, {"name", "again"}}));
  EXPECT_EQ(other["state"], "valid") << other;
  EXPECT_EQ(other["account"]["name"], "second");
}

TEST_F(CertificateOrders, AnAuthorityThatIsGivenUpOnIsTheReasonOfTheFailure) {
  first_.set([](auto& b) { b.blocked.insert("www.a.com"); });
  add_account(first_, "first", 1);
  const json done = over(order({{"names", {"www.a.com"}}}));
  EXPECT_EQ(done["state"], "failed");
  EXPECT_NE(done["error"].get<std::string>().find("rejectedIdentifier"), std::string::npos);
}

TEST_F(CertificateOrders, AValidationThatFailsIsTriedAFewTimesAndLeavesNothingBehind) {
  add_account(first_, "first", 1);
  first_.set_validator([](const FakeAuthority::Check&) { return false; });
  const json done = over(order({{"names", {"www.a.com"}}}));
  EXPECT_EQ(done["state"], "failed");
  EXPECT_NE(done["error"].get<std::string>().find("incorrectResponse"), std::string::npos) << done;
  EXPECT_EQ(first_.orders(), 4);
  EXPECT_TRUE(edge_->wait([&] { return edge_->config->challenges.empty(); }));
}

TEST_F(CertificateOrders, RefusedNoncesAndForgottenAccountsAreGotOver) {
  add_account(first_, "first", 1);
  ASSERT_EQ(over(order({{"names", {"www.a.com"}}}))["state"], "valid");
  first_.set([](auto& b) {
    b.refuse_nonces = 8;
    b.forgets_accounts = true;
  });
  EXPECT_EQ(over(order({{"names", {"www.a.com"}}, {"name", "again"}}))["state"], "valid");
}

TEST_F(CertificateOrders, AChallengeIsNotLookedForBeforeEveryEdgeHasIt) {
  add_account(first_, "first", 1);
  edge_->acks_config = false;
  const json made = order({{"names", {"www.a.com"}}});
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(order_now(made["id"])["state"], "validating");
  EXPECT_FALSE(order_now(made["id"]).contains("finished"));
  edge_->acks_config = true;
  edge_->ack_config();
  EXPECT_EQ(over(made)["state"], "valid");
}

TEST_F(CertificateOrders, GoOnWhereTheyWereWhenControlComesBack) {
  add_account(first_, "first", 1);
  edge_->acks_config = false;
  const json made = order({{"names", {"www.a.com"}}});
  for (int i = 0; i < 500 && order_now(made["id"])["state"] == "pending"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  edge_->acks_config = true;
  control_.restart();
  EXPECT_EQ(over(made)["state"], "valid");
  EXPECT_EQ(first_.orders(), 1);  // the one that was begun
}

TEST_F(CertificateOrders, RenewedOnRequestTheCertificateKeepsItsIdAndChangesItsKey) {
  add_account(first_, "first", 1);
  const std::uint64_t id = over(order({{"names", {"www.a.com"}}}))["certificate"];
  const std::string before = chain_of(id);
  const Response made = control_.post("/api/v1/certificates/" + std::to_string(id) + "/renew", json::object());
  ASSERT_EQ(made.status, 202) << made.body;
  const json done = over(made.json());
  EXPECT_EQ(done["state"], "valid");
  EXPECT_EQ(done["certificate"], id);
  EXPECT_NE(chain_of(id), before);
  EXPECT_EQ(first_.replaced().size(), 1U);
}

TEST_F(CertificateOrders, ACertificateIsRenewedByItselfWhenItsAuthorityWantsThat) {
  add_account(first_, "first", 1);
  const WallTime now = SystemClock::instance().wall();
  first_.set([&](auto& b) { b.window = std::pair(now - std::chrono::hours(2), now - std::chrono::hours(1)); });
  const std::uint64_t id = over(order({{"names", {"www.a.com"}}}))["certificate"];
  const std::string before = chain_of(id);
  EXPECT_TRUE(is_replaced(id, before));
  first_.set([](auto& b) { b.window.reset(); });
  EXPECT_GE(first_.replaced().size(), 1U);
}

TEST_F(CertificateOrders, ACertificateIsRenewedByItselfAtTheEndOfItsLife) {
  first_.set([](auto& b) {
    b.offers_renewal_info = false;
    b.lifetime = std::chrono::hours(0);
  });
  add_account(first_, "first", 1);
  const std::uint64_t id = over(order({{"names", {"www.a.com"}}}))["certificate"];
  const std::string before = chain_of(id);
  EXPECT_TRUE(is_replaced(id, before));
  first_.set([](auto& b) { b.lifetime = std::chrono::hours(24 * 90); });
}

TEST_F(CertificateOrders, ANameThatHasGoneToAnotherTenantIsNotRenewedForTheFirst) {
  add_account(first_, "first", 1);
  const std::uint64_t id = over(order({{"names", {"www.a.com"}}}))["certificate"];
  const std::string before = chain_of(id);
  const std::string domain = "/api/v1/domains/" + std::to_string(world_.domain);
  ASSERT_EQ(control_.call("DELETE", domain, "", {{"If-Match", "*"}}).status, 204);
  const std::uint64_t other = control_.create("tenants", {{"name", "b"}});
  const std::uint64_t origins = control_.create(
      "origin-groups", {{"tenant", other}, {"name", "o"}, {"origins", {{{"host", "127.0.0.1"}, {"port", 9000}}}}});
  control_.create("domains", {{"tenant", other}, {"name", "www.a.com"}, {"origin_group", origins}});
  const int orders = first_.orders();
  const Response made = control_.post("/api/v1/certificates/" + std::to_string(id) + "/renew", json::object());
  ASSERT_EQ(made.status, 202) << made.body;
  const json done = over(made.json());
  EXPECT_EQ(done["state"], "failed");
  EXPECT_NE(done["error"].get<std::string>().find("another tenant"), std::string::npos) << done;
  EXPECT_EQ(first_.orders(), orders);
  EXPECT_EQ(chain_of(id), before);
}

TEST_F(CertificateOrders, ARevokedCertificateIsNotRenewedByItself) {
  add_account(first_, "first", 1);
  const std::uint64_t id = over(order({{"names", {"www.a.com"}}}))["certificate"];
  const std::string path = "/api/v1/certificates/" + std::to_string(id);
  EXPECT_EQ(control_.post(path + "/revoke", {{"reason", 99}}).status, 422);
  EXPECT_EQ(control_.post(path + "/revoke", {{"reason", 4}}).status, 204);
  EXPECT_EQ(first_.revoked(), 1);
  const json renewal = control_.get(path + "/renewal").json();
  EXPECT_TRUE(renewal.contains("revoked"));
  EXPECT_FALSE(renewal.contains("due"));
}

TEST_F(CertificateOrders, AnotherTenantSeesNoneOfIt) {
  add_account(first_, "first", 1);
  const json done = over(order({{"names", {"www.a.com"}}}));
  const std::string token = control_.tenant_token(control_.create("tenants", {{"name", "b"}}));
  const std::string certificate = "/api/v1/certificates/" + std::to_string(done["certificate"].get<std::uint64_t>());
  const auto status = [&](const char* method, const std::string& path) {
    return control_.call(method, path, method[0] == 'G' ? "" : "{}", {}, token).status;
  };
  EXPECT_EQ(status("GET", "/api/v1/certificates/orders/" + std::to_string(done["id"].get<std::uint64_t>())), 404);
  EXPECT_EQ(status("GET", certificate + "/renewal"), 404);
  EXPECT_EQ(status("POST", certificate + "/renew"), 404);
  EXPECT_EQ(status("POST", certificate + "/revoke"), 404);
  EXPECT_EQ(status("GET", "/api/v1/settings/acme-accounts"), 403);
  EXPECT_EQ(control_.call("GET", "/api/v1/certificates/orders", "", {}, token).json()["items"].size(), 0U);
}

TEST_F(CertificateOrders, AccountsShowNoSecretAndAreChangedWithIfMatch) {
  const std::uint64_t id =
      add_account(first_, "first", 1, {{"external_key_id", "kid-1"}, {"external_mac_key", "c2VjcmV0IG9mIGtpZC0x"}});
  const std::string path = "/api/v1/settings/acme-accounts/" + std::to_string(id);
  const Response shown = control_.get(path);
  EXPECT_EQ(shown.body.find("PRIVATE KEY"), std::string::npos);
  EXPECT_EQ(shown.body.find("c2VjcmV0"), std::string::npos);
  EXPECT_EQ(control_.call("PATCH", path, R"({"enabled":false})").status, 428);
  EXPECT_EQ(control_.call("PATCH", path, R"({"enabled":false})", {{"If-Match", "\"1\""}}).status, 200);
  EXPECT_EQ(control_.call("PATCH", path, R"({"directory":"http://x"})", {{"If-Match", "*"}}).status, 422);
  EXPECT_EQ(control_.call("DELETE", path, "", {{"If-Match", "*"}}).status, 204);
  EXPECT_EQ(control_.get(path).status, 404);
}

TEST_F(CertificateOrders, AnExternalAccountIsBound) {
  first_.set([](auto& b) { b.needs_external_account = true; });
  add_account(first_, "first", 1, {{"external_key_id", "kid-1"}, {"external_mac_key", "c2VjcmV0IG9mIGtpZC0x"}});
  EXPECT_EQ(over(order({{"names", {"www.a.com"}}}))["state"], "valid");
}

}  // namespace
}  // namespace yz::control::test
