#include "edge/upstream/testing.h"
#include "net/self_signed.h"
#include "net/tls.h"

namespace yz::edge::testing {
namespace {

/// An origin that speaks TLS with one certificate and answers with the name it was asked for by SNI.
class TlsOrigin {
 public:
  explicit TlsOrigin(const net::SelfSigned& pem) {
    auto identity = std::make_shared<net::TlsIdentity>();
    identity->certificates = {net::TlsCertificate::load(pem.chain_pem, pem.key_pem).value()};
    thread_.run_and_wait([&](io::Reactor& reactor) {
      server_ = std::make_unique<net::HttpServer>(reactor, handler_);
      auto tls = net::TlsServerContext::make([identity](std::string_view) { return identity; }).value();
      endpoint = server_->listen_tls(net::testing::kAnyLoopback, std::move(tls)).value();
    });
  }
  ~TlsOrigin() {
    thread_.run_and_wait([&](io::Reactor&) { server_.reset(); });
  }
  TlsOrigin(const TlsOrigin&) = delete;
  TlsOrigin& operator=(const TlsOrigin&) = delete;

  Endpoint endpoint;

 private:
  net::testing::FunctionHandler handler_{
      [](Exchange& exchange) { return answer_with(exchange, 200, "sni " + std::string(exchange.tls_server_name())); }};
  io::ReactorThread thread_{"tls-origin"};
  std::unique_ptr<net::HttpServer> server_;
};

class OriginTls : public Origins {
 protected:
  /// The answer of an edge before an origin with this certificate.
  Reply ask_through(const net::SelfSigned& pem) {
    const TlsOrigin origin(pem);
    group_.origins = {{to_string(origin.endpoint.address), origin.endpoint.port, 1, false, true}};
    start();
    Reply reply = get("/");
    edge_.reset();
    return reply;
  }
};

TEST_F(OriginTls, TheViewersHostIsSentAndProven) {
  const auto pem = net::make_self_signed("DNS:www.a.com", 1h).value();
  group_.ca_pem = pem.chain_pem;
  EXPECT_EQ(ask_through(pem).body, "sni www.a.com");
}

TEST_F(OriginTls, SentAndExpectedNamesMayBeSet) {
  const auto pem = net::make_self_signed("DNS:inner.a.com", 1h).value();
  group_.ca_pem = pem.chain_pem;
  group_.sni = "public.a.com";
  group_.tls_name = "inner.a.com";
  group_.min_tls = model::TlsVersion::kTls13;
  EXPECT_EQ(ask_through(pem).body, "sni public.a.com");
}

TEST_F(OriginTls, ARefusedCertificateSaysWhy) {
  struct Case {
    const char* names;
    std::chrono::hours life;
    bool is_trusted;
    const char* reason;
  };
  for (const Case& c : {Case{"DNS:www.a.com", 1h, false, "tls-self-signed"}, Case{"DNS:b.com", 1h, true, "tls-name"},
                        Case{"DNS:www.a.com", -1h, true, "tls-expired"}}) {
    const auto pem = net::make_self_signed(c.names, c.life).value();
    group_.ca_pem = c.is_trusted ? pem.chain_pem : "";
    const Reply refused = ask_through(pem);
    EXPECT_EQ(refused.status, 502) << c.reason;
    EXPECT_TRUE(says(refused, c.reason)) << refused.head;
  }
}

TEST_F(OriginTls, WithoutVerifyingAnythingGoes) {
  group_.verify_tls = false;
  EXPECT_EQ(ask_through(net::make_self_signed("DNS:b.com", -1h).value()).status, 200);
}

TEST_F(OriginTls, AnAuthorityThatDoesNotParseFailsItsGroupAlone) {
  group_.ca_pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  const Reply refused = ask_through(net::make_self_signed("DNS:www.a.com", 1h).value());
  EXPECT_EQ(refused.status, 502);
  EXPECT_TRUE(says(refused, "tls-refused")) << refused.head;
}

TEST_F(OriginTls, AnOriginThatDoesNotSpeakTlsIsToldApart) {
  FakeOrigin plain([](Exchange& exchange) { return answer_with(exchange, 200, "plain"); });
  group_.origins = {{to_string(plain.endpoint().address), plain.endpoint().port, 1, false, true}};
  start();
  EXPECT_TRUE(says(get("/"), "tls-handshake"));
}

}  // namespace
}  // namespace yz::edge::testing
