#include <atomic>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "edge/testing.h"
#include "model/codec.h"
#include "model/sample_snapshot.h"
#include "net/tls_test_support.h"

namespace yz::edge::testing {
namespace {

using net::testing::make_certificate;
using net::testing::probe;
using net::testing::ProbeOptions;

/// Edges of one cluster over TLS, and the configuration they are given.
class ViewerTls : public ::testing::Test {
 protected:
  ViewerTls()
      : origin_([](net::Exchange& exchange) -> io::Task<void> {
          http::HeaderMap headers{{"Cache-Control", "max-age=3600"}};
          (void)co_await exchange.respond(200, std::move(headers), "of the origin");
        }) {
    config_ = model::sample_snapshot();
    model::OriginGroup origins = *config_.origin_groups.find({1});
    origins.origins = {{to_string(origin_.endpoint().address), origin_.endpoint().port, 1, false, false}};
    config_.put(origins, {1});
    for (const std::uint64_t l2 : {3, 4}) config_.remove({model::ResourceKind::kNode, l2}, {1});
    model::Node node = *config_.nodes.find({1});
    node.https_port = 8443;
    config_.put(node, {1});
    change_domain([](model::Domain& domain) {
      domain.certificate = {};
      domain.cache_rules.clear();
      domain.https = {};
    });
    put_certificate(1, {"www.a.com", "a.com"}, "DNS:first");
  }

  std::unique_ptr<EdgeServer> start(unsigned workers = 1) {
    Options options;
    options.listen = {net::testing::kAnyLoopback};
    options.tls_listen = {net::testing::kAnyLoopback};
    options.admin = (folder_.path() / ("admin-" + std::to_string(++started_))).string();
    options.node = {1};
    options.memory = mib(32);
    options.workers = workers;
    options.ocsp = OcspPolicy::kAny;
    auto edge = start_edge(std::move(options));
    apply(*edge);
    edge->set_ready(true);
    return edge;
  }
  void apply(EdgeServer& edge) {
    const auto applied = edge.apply_snapshot(model::encode(config_));
    ASSERT_TRUE(applied) << applied.error().message;
  }
  template <typename Change>
  void change_domain(Change change) {
    model::Domain domain = *config_.domains.find({1});
    change(domain);
    config_.put(domain, {1});
  }
  void put_certificate(std::uint64_t id, std::vector<std::string> names, const std::string& common_name) {
    const auto pem = make_certificate(common_name);
    model::Certificate record{{id}, {1}, "c", std::move(names), pem.chain_pem, pem.key_pem, {}};
    record.not_after = WallTime(std::chrono::seconds(1'900'000'000));
    config_.put(record, {1});
  }
  static ProbeOptions asking(std::string name, std::string path = "/a") {
    ProbeOptions options;
    options.request = "GET " + path + " HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n";
    options.server_name = std::move(name);
    return options;
  }

  TempFolder folder_;
  FakeOrigin origin_;
  model::ConfigSnapshot config_;
  int started_ = 0;
};

TEST_F(ViewerTls, ADomainIsServedUnderItsCertificateAndNoOtherNameIs) {
  const auto edge = start();
  const auto got = probe(edge->listening_tls()[0], asking("www.a.com"));
  EXPECT_EQ(got.names, "DNS:first") << got.error;
  EXPECT_EQ(parse_reply(got.answer).body, "of the origin");
  EXPECT_TRUE(parse_reply(probe(edge->listening_tls()[0], asking("a.com")).answer).is_hit());
  EXPECT_FALSE(probe(edge->listening_tls()[0], asking("www.b.com")).is_connected);
  EXPECT_FALSE(probe(edge->listening_tls()[0]).is_connected);
}

TEST_F(ViewerTls, OffersHttp2First) {
  const auto edge = start();
  ProbeOptions browser = asking("www.a.com");
  browser.alpn = "\x02h2\x08http/1.1";
  browser.request = "";
  EXPECT_EQ(probe(edge->listening_tls()[0], browser).protocol, "h2");
  browser = asking("www.a.com");
  browser.alpn = "\x08http/1.1";
  EXPECT_EQ(parse_reply(probe(edge->listening_tls()[0], browser).answer).body, "of the origin");
}

TEST_F(ViewerTls, ATicketIsGoodAtAllWorkersOfAllNodes) {
  const auto one = start(2);
  const auto two = start(2);
  const auto full = probe(one->listening_tls()[0], asking("www.a.com"));
  ASSERT_TRUE(full.session) << full.error;
  ProbeOptions again = asking("www.a.com");
  again.session = full.session.get();
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(probe((i % 2 == 0 ? one : two)->listening_tls()[0], again).is_resumed);
  }
  model::Settings settings = config_.settings;
  settings.cluster_key = "another key of the cluster";
  config_.put(settings, {2});
  apply(*two);
  EXPECT_FALSE(probe(two->listening_tls()[0], again).is_resumed);
}

TEST_F(ViewerTls, AHundredReplacementsUnderLoadFailNoHandshakeAndShowNoOldCertificate) {
  const auto edge = start(2);
  std::atomic<int> published{0};  // the newest in force on all workers
  std::atomic<bool> is_over{false};
  std::atomic<int> handshakes{0};
  std::atomic<int> failed{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> viewers;
  for (int i = 0; i < 2; ++i) {
    viewers.emplace_back([&] {
      while (!is_over) {
        const int least = published;
        const auto got = probe(edge->listening_tls()[0], asking("www.a.com"));
        ++handshakes;
        if (parse_reply(got.answer).body != "of the origin") ++failed;
        const int shown = got.names == "DNS:first" ? 0 : std::atoi(got.names.substr(6).c_str());
        if (shown < least) ++wrong;
      }
    });
  }
  for (int i = 1; i <= 100; ++i) {
    put_certificate(1, {"www.a.com"}, "DNS:v-" + std::to_string(i));
    apply(*edge);
    published = i;
    const int before = handshakes;
    ASSERT_TRUE(eventually([&] { return handshakes > before; }));
  }
  is_over = true;
  for (auto& viewer : viewers) viewer.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(probe(edge->listening_tls()[0], asking("www.a.com")).names, "DNS:v-100");
}

TEST_F(ViewerTls, PlainRequestsAreSentToHttpsWhereTheDomainWantsIt) {
  change_domain([](model::Domain& domain) { domain.https.redirect = model::HttpsRedirect::kPermanent; });
  const auto edge = start();
  const Reply moved = ask(edge->listening()[0], "POST", "/a?b=c", "", "www.a.com");
  EXPECT_EQ(moved.status, 308);
  EXPECT_EQ(moved.field("Location"), "https://www.a.com:8443/a?b=c");
  EXPECT_EQ(moved.field("Strict-Transport-Security"), "");
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a", "X-Forwarded-Proto: https\r\n", "www.a.com").status, 308);
  EXPECT_EQ(parse_reply(probe(edge->listening_tls()[0], asking("www.a.com")).answer).status, 200);

  change_domain([](model::Domain& domain) { domain.https.redirect = model::HttpsRedirect::kMoved; });
  model::Settings settings = config_.settings;
  settings.trusted_proxies = {IpPrefix{IpAddress::v4(0x7F000000), 8}};
  config_.put(settings, {2});
  apply(*edge);
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a", "", "www.a.com").status, 301);
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a", "X-Forwarded-Proto: https\r\n", "www.a.com").status, 200);

  config_.remove({model::ResourceKind::kCertificate, 1}, {3});  // nothing to be sent to
  apply(*edge);
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a", "", "www.a.com").status, 200);
}

TEST_F(ViewerTls, AViewerBehindATrustedProxyIsKnownWhateverItWroteItself) {
  model::Settings settings = config_.settings;
  settings.trusted_proxies = {IpPrefix{IpAddress::v4(0x7F000000), 8}};
  config_.put(settings, {2});
  const auto edge = start();
  for (const char* field : {"9.9.9.9", "6.6.6.6, 9.9.9.9", "\", 9.9.9.9", "a=\"b, 9.9.9.9,127.0.0.2"}) {
    (void)ask(edge->listening()[0], "GET", std::string("/") + std::to_string(hash64(field)),
              std::string("X-Forwarded-For: ") + field + "\r\n", "www.a.com");
    EXPECT_EQ(origin_.last_field("X-Forwarded-For"), "9.9.9.9") << field;
  }
}

TEST_F(ViewerTls, HstsIsSaidOverTlsAlone) {
  change_domain([](model::Domain& domain) { domain.https.hsts = {std::chrono::hours(24 * 365), true, true}; });
  const auto edge = start();
  constexpr std::string_view kField = "Strict-Transport-Security";
  constexpr std::string_view kWanted = "max-age=31536000; includeSubDomains; preload";
  const auto secure = [&](std::string path) {
    return parse_reply(probe(edge->listening_tls()[0], asking("www.a.com", std::move(path))).answer);
  };
  EXPECT_EQ(secure("/a").field(kField), kWanted);  // followed
  EXPECT_EQ(secure("/a").field(kField), kWanted);  // a hit
  EXPECT_EQ(ask(edge->listening()[0], "GET", "/a", "", "www.a.com").field(kField), "");
  EXPECT_EQ(ask(edge->listening()[0], "PUT", "/b", "", "www.a.com").field(kField), "");
  ProbeOptions put = asking("www.a.com");
  put.request = "PUT /b HTTP/1.1\r\nHost: www.a.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(parse_reply(probe(edge->listening_tls()[0], put).answer).field(kField), kWanted);
}

TEST_F(ViewerTls, ADomainsLeastVersionHoldsForConnectionsOfOtherNamesToo) {
  change_domain([](model::Domain& domain) { domain.https.min_tls = model::TlsVersion::kTls13; });
  model::Domain lax = *config_.domains.find({1});
  lax.id = {2}, lax.name = "lax.a.com", lax.aliases.clear(), lax.https = {};
  config_.put(lax, {1});
  put_certificate(2, {"lax.a.com"}, "DNS:lax");
  const auto edge = start();
  ProbeOptions old = asking("www.a.com");
  old.max_version = TLS1_2_VERSION;
  EXPECT_FALSE(probe(edge->listening_tls()[0], old).is_connected);
  old.server_name = "lax.a.com";
  EXPECT_EQ(parse_reply(probe(edge->listening_tls()[0], old).answer).status, 421);
  EXPECT_EQ(probe(edge->listening_tls()[0], asking("www.a.com")).version, "TLSv1.3");
}

TEST_F(ViewerTls, AnEdgeAloneShowsItsOwnCertificatesForEveryName) {
  Options options = options_before(origin_.endpoint());
  options.tls_listen = {net::testing::kAnyLoopback};
  const auto write = [&](const std::string& name, const std::string& text) {
    const auto file = (folder_.path() / name).string();
    std::ofstream(file) << text;
    return file;
  };
  for (const auto kind : {net::KeyKind::kEcdsa, net::KeyKind::kRsa}) {
    const auto pem = make_certificate("DNS:own", kind);
    const std::string number = std::to_string(options.cert.size());
    options.cert.push_back(write("chain-" + number, pem.chain_pem));
    options.key.push_back(write("key-" + number, pem.key_pem));
  }
  const auto edge = start_edge(options);
  const auto any = probe(edge->listening_tls()[0], asking("any.example"));
  EXPECT_EQ(any.names, "DNS:own") << any.error;
  EXPECT_EQ(any.key_kind, EVP_PKEY_EC);
  EXPECT_EQ(parse_reply(any.answer).body, "of the origin");
  ProbeOptions rsa = asking("any.example");
  rsa.signatures = "RSA-PSS+SHA256";
  EXPECT_EQ(probe(edge->listening_tls()[0], rsa).key_kind, EVP_PKEY_RSA);
  options.key[1] = options.key[0];
  EXPECT_EQ(EdgeServer::start(options).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace yz::edge::testing
