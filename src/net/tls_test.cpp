#include "net/tls.h"

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/test_support.h"
#include "net/tls_test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::kAnyLoopback;
using testing::make_certificate;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    tls_ = TlsServerContext::make([this](std::string_view name) -> std::shared_ptr<const TlsIdentity> {
             if (name == "refused.example") return nullptr;
             return std::make_shared<TlsIdentity>(TlsIdentity{{name == "b.example" ? load(b_) : load(a_)}, {}});
           }).value();
    at_ = server_.listen_tls(kAnyLoopback, tls_).value();
    client_.set_tls(TlsClientContext::make(a_.chain_pem + b_.chain_pem).value());
  }
  static std::shared_ptr<const TlsCertificate> load(const testing::TestCertificate& pem) {
    return TlsCertificate::load(pem.chain_pem, pem.key_pem).value();
  }

  Result<std::string> get(std::string name, bool verify = true, std::string body = {}) {
    Upstream upstream;
    upstream.endpoint = at_;
    upstream.tls = true;
    upstream.tls_server_name = std::move(name);
    upstream.verify_tls = verify;
    ClientRequest request;
    request.host = "x";
    request.method = body.empty() ? "GET" : "POST";
    request.body = std::move(body);
    return reactor_.block_on([](HttpClient& client, Upstream to, ClientRequest r) -> io::Task<Result<std::string>> {
      YZ_CO_TRY(auto response, co_await client.send(to, r));
      co_return co_await response.read_all(8 << 20);
    }(client_, upstream, request));
  }

  testing::TestCertificate a_ = make_certificate("DNS:a.example,IP:127.0.0.1");
  testing::TestCertificate b_ = make_certificate("DNS:b.example");
  io::Reactor reactor_;
  FunctionHandler handler_{[](Exchange& exchange) -> io::Task<void> {
    EXPECT_TRUE(exchange.is_tls());
    const auto body = co_await exchange.read_body_all(8 << 20);
    (void)co_await exchange.respond_text(200, "text/plain",
                                         std::string(exchange.tls_server_name()) + ":" + body.value_or("?"));
  }};
  HttpServer server_{reactor_, handler_};
  std::shared_ptr<TlsServerContext> tls_;
  Endpoint at_;
  HttpClient client_{reactor_};
};

TEST_F(TlsTest, ServesTheCertificateOfTheNameAsked) {
  EXPECT_EQ(get("a.example").value_or("failed"), "a.example:");
  EXPECT_EQ(get("B.example").value_or("failed"), "b.example:");
  EXPECT_EQ(get("127.0.0.1").value_or("failed"), ":");
}

TEST_F(TlsTest, KeepsConnectionsAlive) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(get("a.example"));
  EXPECT_EQ(client_.counts().connects, 1U);
  EXPECT_EQ(server_.counts().accepted, 1U);
}

TEST_F(TlsTest, RefusesACertificateThatDoesNotFit) {
  const auto wrong_name = get("c.example");
  ASSERT_FALSE(wrong_name);
  EXPECT_EQ(wrong_name.error().code, Code::kPermission);
  EXPECT_EQ(wrong_name.error().fault, Fault::kOrigin);
  EXPECT_EQ(get("c.example", false).value_or("failed"), "c.example:");
  client_.set_tls(TlsClientContext::make().value());
  EXPECT_EQ(get("b.example").error().code, Code::kPermission);
}

TEST_F(TlsTest, ANameWithoutCertificateFailsTheHandshake) {
  EXPECT_EQ(get("refused.example").error().code, Code::kInvalid);
  EXPECT_TRUE(get("a.example"));
}

TEST_F(TlsTest, CarriesLargeBodiesBothWays) {
  const std::string body(3 << 20, 'b');
  EXPECT_EQ(get("a.example", true, body).value_or("failed"), "a.example:" + body);
}

TEST_F(TlsTest, GivesUpOnAClientThatDoesNotSpeakTls) {
  EXPECT_EQ(testing::body_of(reactor_.block_on(
                testing::exchange_text(at_, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))),
            "");
  EXPECT_TRUE(get("a.example"));
}

TEST(TlsCertificate, IsRefusedWhenItsPartsDoNotBelongTogether) {
  const auto a = make_certificate("DNS:a");
  const auto b = make_certificate("DNS:b");
  EXPECT_EQ(TlsCertificate::load(a.chain_pem, b.key_pem).error().code, Code::kInvalid);
  EXPECT_EQ(TlsCertificate::load("nonsense", a.key_pem).error().code, Code::kInvalid);
  EXPECT_EQ(TlsCertificate::load(a.chain_pem, "nonsense").error().code, Code::kInvalid);
  EXPECT_EQ(TlsClientContext::make("nonsense").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace yz::net
