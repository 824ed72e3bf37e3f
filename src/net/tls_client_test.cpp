#include "net/tls_client.h"

#include <array>

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "net/http_server.h"
#include "net/self_signed.h"
#include "net/test_support.h"
#include "net/tls.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::kAnyLoopback;

/// A TLS server with one certificate, whatever name is asked for.
class TlsClientTest : public ::testing::Test {
 protected:
  struct Outcome {
    Status status;
    bool is_resumed = false;
    std::string version;
  };

  void serve(const SelfSigned& certificate) {
    const auto loaded = TlsCertificate::load(certificate.chain_pem, certificate.key_pem);
    ASSERT_TRUE(loaded) << loaded.error().message;
    auto identity = std::make_shared<TlsIdentity>();
    identity->certificates = {*loaded};
    tls_ = TlsServerContext::make([identity](std::string_view) { return identity; }).value();
    at_ = server_.listen_tls(kAnyLoopback, tls_).value();
  }
  static std::shared_ptr<TlsClientContext> trusting(std::string_view pem, bool requires_tls13 = false) {
    TlsClientContext::Options options;
    options.ca_pem = pem;
    options.trusts_system = false;
    options.requires_tls13 = requires_tls13;
    return TlsClientContext::make(options).value();
  }
  /// Shakes hands, asks once and reads the answer (behind which TLS 1.3 sends its tickets).
  Outcome visit(const std::shared_ptr<TlsClientContext>& context, TlsServerName server) {
    return reactor_.block_on(
        [](Endpoint at, std::shared_ptr<TlsClientContext> with, TlsServerName name) -> io::Task<Outcome> {
          Outcome out;
          io::Reactor& reactor = io::Reactor::current();
          auto below = co_await io::connect(at, reactor.in(5s));
          auto stream = co_await connect_tls(*std::move(below), with, name, reactor.in(5s));
          if (!stream) {
            out.status = fail(std::move(stream).error());
            co_return out;
          }
          out.is_resumed = (*stream)->is_resumed();
          out.version = (*stream)->version();
          (void)co_await (*stream)->write_all("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 5s);
          (void)co_await testing::read_up_to(**stream, SIZE_MAX);
          co_return out;
        }(at_, context, std::move(server)));
  }
  static std::string reason(const Outcome& outcome) {
    if (outcome.status) return "accepted";
    EXPECT_EQ(outcome.status.error().code, Code::kPermission);
    EXPECT_EQ(outcome.status.error().fault, Fault::kOrigin);
    return outcome.status.error().message.substr(0, outcome.status.error().message.find(':'));
  }

  io::Reactor reactor_;
  FunctionHandler handler_{
      [](Exchange& exchange) -> io::Task<void> { (void)co_await exchange.respond_text(200, "text/plain", "hello"); }};
  HttpServer server_{reactor_, handler_};
  std::shared_ptr<TlsServerContext> tls_;
  Endpoint at_;
};

TEST_F(TlsClientTest, TellsWhyACertificateIsRefused) {
  const SelfSigned good = make_self_signed("DNS:a.example,IP:127.0.0.1", 1h).value();
  serve(good);
  EXPECT_EQ(reason(visit(trusting(good.chain_pem), {"a.example", "a.example"})), "accepted");
  EXPECT_EQ(reason(visit(trusting(good.chain_pem), {"", "127.0.0.1"})), "accepted");
  EXPECT_EQ(reason(visit(trusting(good.chain_pem), {"b.example", "b.example"})), "tls-name");
  EXPECT_EQ(reason(visit(trusting(good.chain_pem), {"", "127.0.0.2"})), "tls-name");
  const SelfSigned other = make_self_signed("DNS:a.example", 1h).value();
  EXPECT_EQ(reason(visit(trusting(other.chain_pem), {"a.example", "a.example"})), "tls-self-signed");
  EXPECT_EQ(reason(visit(TlsClientContext::make().value(), {"a.example", "a.example"})), "tls-self-signed");
  EXPECT_EQ(reason(visit(trusting(other.chain_pem), {"a.example", "a.example", false})), "accepted");
}

TEST_F(TlsClientTest, AnExpiredCertificateIsRefusedUnlessNothingIsVerified) {
  const SelfSigned old = make_self_signed("DNS:a.example", -1h).value();
  serve(old);
  EXPECT_EQ(reason(visit(trusting(old.chain_pem), {"a.example", "a.example"})), "tls-expired");
  EXPECT_EQ(reason(visit(trusting(old.chain_pem), {"a.example", "a.example", false})), "accepted");
}

TEST_F(TlsClientTest, TheNameExpectedMayDifferFromTheNameSent) {
  const SelfSigned inner = make_self_signed("DNS:inner.example", 1h).value();
  serve(inner);
  EXPECT_EQ(reason(visit(trusting(inner.chain_pem), {"public.example", "inner.example"})), "accepted");
  EXPECT_EQ(reason(visit(trusting(inner.chain_pem), {"inner.example", "public.example"})), "tls-name");
}

TEST_F(TlsClientTest, LaterConnectionsResumeTheSessionOfTheSameDemandsOnly) {
  const SelfSigned good = make_self_signed("DNS:a.example", 1h).value();
  serve(good);
  const auto context = trusting(good.chain_pem);
  EXPECT_FALSE(visit(context, {"a.example", "a.example"}).is_resumed);
  EXPECT_TRUE(visit(context, {"a.example", "a.example"}).is_resumed);
  EXPECT_FALSE(visit(context, {"a.example", "a.example", false}).is_resumed);
  const Outcome other = visit(context, {"a.example", "b.example"});
  EXPECT_EQ(reason(other), "tls-name") << "a session of another name proves nothing";
}

TEST_F(TlsClientTest, TheOldestVersionIsTheContexts) {
  const SelfSigned good = make_self_signed("DNS:a.example", 1h).value();
  serve(good);
  EXPECT_EQ(visit(trusting(good.chain_pem, true), {"a.example", "a.example"}).version, "TLSv1.3");
}

TEST(RefusalToken, NamesEachKindOfFault) {
  EXPECT_EQ(refusal_token(X509_V_ERR_CERT_NOT_YET_VALID), "tls-not-yet-valid");
  EXPECT_EQ(refusal_token(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY), "tls-untrusted");
  EXPECT_EQ(refusal_token(X509_V_ERR_INVALID_PURPOSE), "tls-refused");
}

}  // namespace
}  // namespace yz::net
