#include "edge/tls/certificate_store.h"

#include <gtest/gtest.h>

#include "model/sample_snapshot.h"
#include "net/tls_test_support.h"

namespace yz::edge {
namespace {

using net::testing::make_certificate;

class CertificateStoreTest : public ::testing::Test {
 protected:
  CertificateStoreTest() { config_.remove({model::ResourceKind::kCertificate, 1}, {1}); }

  void add_domain(std::uint64_t id, std::string name, std::uint64_t certificate = 0, std::uint64_t tenant = 1) {
    model::Domain domain = *model::sample_snapshot().domains.find({1});
    domain.id = {id}, domain.tenant = {tenant}, domain.name = std::move(name), domain.aliases.clear();
    domain.certificate = {certificate};
    config_.put(domain, {1});
  }
  void add_certificate(std::uint64_t id, std::vector<std::string> names, std::uint64_t tenant = 1,
                       std::int64_t not_after = 1'900'000'000) {
    const auto pem = make_certificate("DNS:certificate-" + std::to_string(id));
    model::Certificate record{{id}, {tenant}, "c", std::move(names), pem.chain_pem, pem.key_pem, {}};
    record.not_after = WallTime(std::chrono::seconds(not_after));
    config_.put(record, {1});
  }
  /// Which certificates a host shows, by the numbers they were added under.
  [[nodiscard]] static std::vector<std::uint64_t> shown(const CertificateStore& store, std::string_view host,
                                                        const model::ConfigSnapshot& config) {
    std::vector<std::uint64_t> out;
    const auto* identity = store.find(host);
    if (identity == nullptr) return out;
    for (const auto& certificate : identity->certificates) {
      std::uint64_t at = 0;
      std::vector<const net::TlsCertificate*> all;
      store.for_each([&](const auto& one) { all.push_back(one.get()); });
      for (const auto& [id, entry] : config.certificates) {
        if (all[at++] == certificate.get()) out.push_back(id.value);
      }
    }
    return out;
  }
  [[nodiscard]] std::vector<std::uint64_t> shown(std::string_view host) const {
    return shown(CertificateStore(config_, {}, nullptr), host, config_);
  }
  using Ids = std::vector<std::uint64_t>;

  model::ConfigSnapshot config_ = model::sample_snapshot();
};

TEST_F(CertificateStoreTest, ExactNamesGoBeforeWildcardsAndLongLivedBeforeShort) {
  add_domain(1, "www.a.com");
  add_domain(2, "img.a.com");
  add_domain(3, "deep.img.a.com");
  add_certificate(1, {"*.a.com"});
  add_certificate(2, {"www.a.com"}, 1, 1'800'000'000);
  add_certificate(3, {"www.a.com", "a.com"}, 1, 1'850'000'000);
  EXPECT_EQ(shown("www.a.com"), (Ids{3, 2, 1}));
  EXPECT_EQ(shown("img.a.com"), (Ids{1}));
  EXPECT_EQ(shown("deep.img.a.com"), (Ids{}));
  EXPECT_EQ(shown("unknown.a.com"), (Ids{}));
}

TEST_F(CertificateStoreTest, ACertificateThatTheDomainNamesIsShownAlone) {
  add_domain(1, "www.a.com", 2);
  add_certificate(1, {"www.a.com"});
  add_certificate(2, {"other.example"});
  EXPECT_EQ(shown("www.a.com"), (Ids{2}));
}

TEST_F(CertificateStoreTest, AnotherTenantsCertificateIsNeverShown) {
  add_domain(1, "www.a.com", 0, 1);
  add_certificate(1, {"*.a.com"}, 1);
  add_certificate(2, {"www.a.com"}, 2);
  EXPECT_EQ(shown("www.a.com"), (Ids{1}));
}

TEST_F(CertificateStoreTest, TheEdgesOwnStandsInWhereThereIsNone) {
  add_domain(1, "www.a.com");
  model::Domain strict = *config_.domains.find({1});
  strict.https.min_tls = model::TlsVersion::kTls13;
  config_.put(strict, {1});
  const auto pem = make_certificate("DNS:own");
  const OwnCertificates own = {net::TlsCertificate::load(pem.chain_pem, pem.key_pem).value()};
  const CertificateStore store(config_, own, nullptr);
  ASSERT_NE(store.find("nobody.example"), nullptr);
  EXPECT_EQ(store.find("nobody.example")->certificates, own);
  EXPECT_EQ(store.find("nobody.example")->min_version, net::TlsVersion::kTls12);
  EXPECT_EQ(store.find("www.a.com")->certificates, own);
  EXPECT_EQ(store.find("www.a.com")->min_version, net::TlsVersion::kTls13);
}

TEST_F(CertificateStoreTest, WhatDidNotChangeIsTakenOver) {
  add_domain(1, "www.a.com");
  add_certificate(1, {"www.a.com"});
  add_certificate(2, {"other.example"});
  const CertificateStore before(config_, {}, nullptr);
  const auto first = before.find("www.a.com")->certificates.front();
  EXPECT_FALSE(first->is_loaded());
  EXPECT_TRUE(first->check());
  add_certificate(2, {"other.example"});  // a new key
  const CertificateStore after(config_, {}, &before);
  EXPECT_EQ(after.find("www.a.com")->certificates.front(), first);
  EXPECT_TRUE(after.find("www.a.com")->certificates.front()->is_loaded());
  add_certificate(1, {"www.a.com"});
  EXPECT_NE(CertificateStore(config_, {}, &after).find("www.a.com")->certificates.front(), first);
}

TEST_F(CertificateStoreTest, TenThousandAreFoundByName) {
  const auto pem = make_certificate("DNS:any");
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    const std::string name = "w" + std::to_string(i) + ".example";
    add_domain(i, name);
    config_.put(model::Certificate{{i}, {1}, "c", {name}, pem.chain_pem, pem.key_pem, {}}, {1});
  }
  const auto began = SystemClock::instance().mono();
  const CertificateStore store(config_, {}, nullptr);
  const auto built = SystemClock::instance().mono();
  std::size_t loaded = 0;
  store.for_each([&](const auto& certificate) { loaded += certificate->is_loaded() ? 1 : 0; });
  EXPECT_EQ(loaded, 0U);
  for (std::uint64_t i = 1; i <= 10'000; i += 97) {
    const auto* identity = store.find("w" + std::to_string(i) + ".example");
    ASSERT_NE(identity, nullptr);
    EXPECT_EQ(identity->certificates.size(), 1U);
  }
  EXPECT_LT(built - began, std::chrono::seconds(5));  // 30 ms where nothing else runs
}

}  // namespace
}  // namespace yz::edge
