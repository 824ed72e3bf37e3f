#include <array>
#include <atomic>
#include <thread>

#include "io/reactor_thread.h"
#include "net/http_server.h"
#include "net/test_support.h"
#include "net/tls.h"
#include "net/tls_test_support.h"

namespace yz::net {
namespace {

using namespace std::chrono_literals;
using testing::FunctionHandler;
using testing::kAnyLoopback;
using testing::make_certificate;
using testing::probe;
using testing::Probed;

constexpr std::string_view kRotatingSecret = "a secret of the cluster, long enough";

std::shared_ptr<const TlsCertificate> load(const testing::TestCertificate& pem) {
  return TlsCertificate::load(pem.chain_pem, pem.key_pem).value();
}

/// A server on a thread of its own, as each node has it: contexts of two of them share only what they are given.
class Node {
 public:
  explicit Node(TlsServerContext::Choose choose, TlsServerOptions options = {}, HttpServerOptions http = {}) {
    auto tls = TlsServerContext::make(std::move(choose), std::move(options)).value();
    thread_.run_and_wait([&](io::Reactor& reactor) {
      server_ = std::make_unique<HttpServer>(reactor, handler_, http);
      at_ = server_->listen_tls(kAnyLoopback, tls).value();
    });
  }
  ~Node() {
    thread_.run_and_wait([&](io::Reactor&) { server_.reset(); });
  }
  [[nodiscard]] const Endpoint& at() const { return at_; }
  HttpServer::Counts counts() {
    HttpServer::Counts out;
    thread_.run_and_wait([&](io::Reactor&) { out = server_->counts(); });
    return out;
  }

 private:
  FunctionHandler handler_{[](Exchange& exchange) -> io::Task<void> {
    const auto size = exchange.request().path == "/large" ? std::size_t{3} << 20 : 2;
    (void)co_await exchange.respond_text(200, "text/plain", std::string(size, 'o'));
  }};
  std::unique_ptr<HttpServer> server_;
  Endpoint at_;
  io::ReactorThread thread_{"tls-test"};
};

class TlsServerTest : public ::testing::Test {
 protected:
  TlsServerContext::Choose always(TlsVersion least = TlsVersion::kTls12) {
    auto identity = std::make_shared<TlsIdentity>(TlsIdentity{{load(ecdsa_)}, least});
    return [identity](std::string_view) { return identity; };
  }
  TlsServerOptions with_tickets(std::string_view secret) {
    TlsServerOptions options;
    options.tickets = std::make_shared<TlsTicketKeys>(std::string(secret), clock_);
    return options;
  }
  testing::TestCertificate ecdsa_ = make_certificate("DNS:a.example");
  ManualClock clock_;
};

TEST_F(TlsServerTest, ATicketOfOneNodeIsGoodAtAnotherWithTheSameSecret) {
  Node first(always(), with_tickets(kRotatingSecret));
  Node second(always(), with_tickets(kRotatingSecret));
  Node stranger(always(), with_tickets("the secret of another cluster"));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto full = probe(first.at(), {.server_name = "a.example", .max_version = version});
    ASSERT_TRUE(full.session) << full.error;
    EXPECT_FALSE(full.is_resumed);
    const testing::ProbeOptions again{
        .server_name = "a.example", .max_version = version, .session = full.session.get()};
    EXPECT_TRUE(probe(second.at(), again).is_resumed);
    const auto refused = probe(stranger.at(), again);
    EXPECT_TRUE(refused.is_connected);
    EXPECT_FALSE(refused.is_resumed);
  }
  EXPECT_EQ(second.counts().tls_resumed, 2U);
  EXPECT_EQ(stranger.counts().tls_full, 2U);
}

TEST_F(TlsServerTest, ATicketIsGoodForItsNameOnly) {
  Node node(always(), with_tickets(kRotatingSecret));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto full = probe(node.at(), {.server_name = "a.example", .max_version = version});
    const auto other =
        probe(node.at(), {.server_name = "b.example", .max_version = version, .session = full.session.get()});
    EXPECT_TRUE(other.is_connected) << other.error;
    EXPECT_FALSE(other.is_resumed);
  }
}

TEST_F(TlsServerTest, TicketsOutliveTwoChangesOfKeyAndNoMore) {
  Node node(always(), with_tickets(kRotatingSecret));
  const auto full = probe(node.at(), {.server_name = "a.example"});
  const auto again = [&] {
    return probe(node.at(), {.server_name = "a.example", .session = full.session.get()}).is_resumed;
  };
  clock_.advance(TlsTicketKeys::kPeriod);
  EXPECT_TRUE(again());
  clock_.advance(TlsTicketKeys::kPeriod);
  EXPECT_TRUE(again());
  clock_.advance(TlsTicketKeys::kPeriod);
  EXPECT_FALSE(again());
}

TEST_F(TlsServerTest, TicketsOfANodeWhoseClockIsAheadAreAccepted) {
  ManualClock ahead(clock_.wall() + TlsTicketKeys::kPeriod);
  TlsServerOptions early;
  early.tickets = std::make_shared<TlsTicketKeys>(std::string(kRotatingSecret), ahead);
  Node first(always(), early);
  Node second(always(), with_tickets(kRotatingSecret));
  const auto full = probe(first.at(), {.server_name = "a.example"});
  EXPECT_TRUE(probe(second.at(), {.server_name = "a.example", .session = full.session.get()}).is_resumed);
}

TEST_F(TlsServerTest, AgreesOnTheProtocolItPrefersOrRefuses) {
  TlsServerOptions options;
  options.protocols = {"h2", "http/1.1"};
  Node node(always(), options);
  EXPECT_EQ(probe(node.at(), {.alpn = "\x08http/1.1\x02h2", .request = ""}).protocol, "h2");
  EXPECT_EQ(probe(node.at(), {.alpn = "\x08http/1.1"}).protocol, "http/1.1");
  EXPECT_EQ(probe(node.at(), {}).protocol, "");
  const auto stranger = probe(node.at(), {.alpn = "\x04spdy"});
  EXPECT_FALSE(stranger.is_connected);
  EXPECT_NE(stranger.error.find("no application protocol"), std::string::npos) << stranger.error;
}

TEST_F(TlsServerTest, ANameMayDemandTheNewestVersion) {
  Node strict(always(TlsVersion::kTls13));
  EXPECT_EQ(probe(strict.at()).version, "TLSv1.3");
  const auto old = probe(strict.at(), {.max_version = TLS1_2_VERSION});
  EXPECT_FALSE(old.is_connected);
  EXPECT_NE(old.error.find("protocol version"), std::string::npos) << old.error;
  Node usual(always());
  EXPECT_EQ(probe(usual.at(), {.max_version = TLS1_2_VERSION}).version, "TLSv1.2");
  EXPECT_FALSE(probe(usual.at(), {.max_version = TLS1_1_VERSION}).is_connected);
}

TEST_F(TlsServerTest, TheClientsAbilitiesChooseBetweenEcdsaAndRsa) {
  const auto broken = TlsCertificate::lazily(nullptr, "nonsense", "nonsense");
  auto identity = std::make_shared<TlsIdentity>();
  identity->certificates = {broken, load(ecdsa_), load(ecdsa_), load(make_certificate("DNS:a", KeyKind::kRsa))};
  Node node([identity](std::string_view) { return identity; });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(probe(node.at(), {.max_version = version}).key_kind, EVP_PKEY_EC);
    EXPECT_EQ(probe(node.at(), {.max_version = version, .signatures = "RSA-PSS+SHA256:RSA+SHA256"}).key_kind,
              EVP_PKEY_RSA);
  }
}

TEST_F(TlsServerTest, AnUnknownNameIsRefusedByItsAlert) {
  Node node([](std::string_view) { return nullptr; });
  const auto refused = probe(node.at(), {.server_name = "unknown.example"});
  EXPECT_FALSE(refused.is_connected);
  EXPECT_NE(refused.error.find("unrecognized name"), std::string::npos) << refused.error;
}

TEST_F(TlsServerTest, ACertificateInFrequentUseIsShownAsBefore) {
  TlsServerOptions options = with_tickets(kRotatingSecret);
  options.protocols = {"h2", "http/1.1"};
  auto identity = std::make_shared<TlsIdentity>(TlsIdentity{{load(ecdsa_)}, TlsVersion::kTls12});
  identity->certificates.front()->set_staple("an answer", SystemClock::instance().wall() + 1h);
  Node node([identity](std::string_view) { return identity; }, options);
  Probed last;
  for (int i = 0; i < 8; ++i) {
    const auto full = probe(node.at(), {.server_name = "a.example",
                                        .alpn = "\x08http/1.1",
                                        .max_version = i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION,
                                        .asks_status = true});
    EXPECT_EQ(full.names, "DNS:a.example") << full.error;
    EXPECT_EQ(full.protocol, "http/1.1");
    EXPECT_EQ(full.cipher, i % 2 == 0 ? "ECDHE-ECDSA-AES128-GCM-SHA256" : "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(full.staple, "an answer");
    EXPECT_EQ(testing::body_of(full.answer), "oo");
    EXPECT_EQ(full.is_resumed, false);
    last = full;
  }
  EXPECT_TRUE(probe(node.at(), {.server_name = "a.example", .session = last.session.get()}).is_resumed);
  EXPECT_FALSE(probe(node.at(), {.server_name = "b.example", .session = last.session.get()}).is_resumed);
}

TEST_F(TlsServerTest, StaplesWhatItWasGivenUntilItIsTooOld) {
  auto identity = std::make_shared<TlsIdentity>(TlsIdentity{{load(ecdsa_)}, {}});
  Node node([identity](std::string_view) { return identity; });
  const auto now = SystemClock::instance().wall();
  EXPECT_EQ(probe(node.at(), {.asks_status = true}).staple, "");
  identity->certificates.front()->set_staple("an answer", now + 1h);
  EXPECT_EQ(probe(node.at(), {.asks_status = true}).staple, "an answer");
  EXPECT_EQ(probe(node.at(), {}).staple, "");
  identity->certificates.front()->set_staple("an answer", now - 1s);
  EXPECT_EQ(probe(node.at(), {.asks_status = true}).staple, "");
}

TEST_F(TlsServerTest, ALargeAnswerReachesASlowReaderWhole) {
  Node node(always());
  const auto got =
      probe(node.at(), {.pause = 50ms, .request = "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"});
  EXPECT_EQ(testing::body_of(got.answer), std::string(std::size_t{3} << 20, 'o'));
  EXPECT_TRUE(got.is_closed_cleanly);
}

// Records of TLS 1.3 are sealed by ourselves (RecordSealer), those of TLS 1.2 by OpenSSL.

const std::string kLargeRequests =
    "GET /large HTTP/1.1\r\nHost: x\r\n\r\nGET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// How many whole large bodies there are.
int large_bodies(std::string_view answer) {
  const std::string body(std::size_t{3} << 20, 'o');
  int count = 0;
  for (std::size_t at = 0; (at = answer.find(body, at)) != std::string_view::npos; at += body.size()) ++count;
  return count;
}

TEST_F(TlsServerTest, SealsRecordsOfEverySuite) {
  Node node(always());
  for (const char* suite : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    const auto got = probe(node.at(), {.suites = suite, .request = kLargeRequests});
    EXPECT_EQ(got.cipher, suite);
    EXPECT_EQ(large_bodies(got.answer), 2) << suite;
    EXPECT_TRUE(got.is_closed_cleanly) << suite;
  }
  const auto old = probe(node.at(), {.max_version = TLS1_2_VERSION, .request = kLargeRequests});
  EXPECT_EQ(old.version, "TLSv1.2");
  EXPECT_EQ(large_bodies(old.answer), 2);
}

TEST_F(TlsServerTest, AClientThatAsksForNewKeysGetsThem) {
  Node node(always());
  const auto got = probe(node.at(), {.asks_new_keys = true, .request = kLargeRequests});
  EXPECT_EQ(large_bodies(got.answer), 2);
  EXPECT_TRUE(got.is_closed_cleanly);
}

// What is not TLS, or stops in the middle, ends by itself and harms no other.

/// Connects, sends `bytes`, and says whether the server ended the connection within `patience`.
bool is_ended_after(const Endpoint& at, std::string_view bytes, std::chrono::seconds patience = 5s) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(at.port);
  to.sin_addr.s_addr = htonl(at.address.v4_value());
  const timeval wait{patience.count(), 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return true;
  (void)::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
    if (n < 0) return false;
  }
}

TEST_F(TlsServerTest, GarbageEndsItsOwnConnection) {
  HttpServerOptions http;
  http.tls_timeout = 200ms;
  Node node(always(), {}, http);
  std::string noise(70'000, '\0');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 2654435761U >> 13);
  std::string endless_hello("\x16\x03\x01\x40\x00\x01\x00\xff\xff", 9);  // announces more than it may
  endless_hello.append(16'384, 'x');
  const std::array<std::string, 5> tries = {"GET / HTTP/1.1\r\n\r\n", noise, std::string("\x16\x03\x01\xff\xff", 5),
                                            std::string("\x80\x2e\x01\x00\x02", 5) + noise, endless_hello};
  for (const std::string& bytes : tries) EXPECT_TRUE(is_ended_after(node.at(), bytes));
  EXPECT_TRUE(probe(node.at()).is_connected);
  EXPECT_EQ(node.counts().tls_failed, tries.size());
}

TEST_F(TlsServerTest, AHandshakeThatTakesTooLongIsEnded) {
  HttpServerOptions http;
  http.tls_timeout = 50ms;
  Node node(always(), {}, http);
  EXPECT_TRUE(is_ended_after(node.at(), ""));
  EXPECT_TRUE(is_ended_after(node.at(), std::string("\x16\x03\x01\x02\x00\x01", 6)));
  EXPECT_EQ(node.counts().handshakes, 0U);
}

TEST_F(TlsServerTest, TheOldestHandshakeMakesRoomForANewOne) {
  HttpServerOptions http;
  http.max_handshakes = 2;
  Node node(always(), {}, http);
  std::atomic<int> ended{0};
  std::vector<std::thread> slow;
  for (int i = 0; i < 5; ++i) {
    slow.emplace_back([&] { ended += is_ended_after(node.at(), "\x16\x03\x01", 1s) ? 1 : 0; });
  }
  while (node.counts().accepted < 5) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(probe(node.at()).is_connected);
  for (auto& thread : slow) thread.join();
  EXPECT_GE(ended, 3);
}

}  // namespace
}  // namespace yz::net
