// What the NATS engine does when its server is not there, is killed, hangs, or has lost everything.
#include "bus/nats_bus.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "bus/inbox_for_test.h"
#include "bus/nats_server_for_test.h"

namespace yz::bus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Speaks = NatsServer::Speaks;

class NatsBusTest : public testing::TestWithParam<Speaks> {
 protected:
  void SetUp() override {
    auto server = NatsServer::start(GetParam());
    if (!server && server.error().code == Code::kNotFound) GTEST_SKIP() << server.error().message;
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  std::unique_ptr<NatsBus> open() { return open(server_->url(), server_->tls()); }
  static std::unique_ptr<NatsBus> open(const std::string& url, const NatsTls& tls) {
    auto bus = NatsBus::open(url, tls);
    EXPECT_TRUE(bus) << bus.error().message;
    return bus ? *std::move(bus) : nullptr;
  }
  /// As somebody who must get it through: again and again until it is accepted.
  static Offset insist(Bus& bus, const std::string& text) {
    for (int i = 0; i < 2'000; ++i) {
      if (const auto offset = bus.publish("t", text)) return *offset;
      std::this_thread::sleep_for(milliseconds(10));
    }
    ADD_FAILURE() << "never accepted: " << text;
    return {};
  }

  std::unique_ptr<NatsServer> server_;
};

TEST_P(NatsBusTest, AllWhoNameTheServerTakePart) {
  const auto one = open();
  const auto other = open();
  EXPECT_TRUE(one->is_shared());
  Inbox inbox;
  const auto subscription = other->subscribe("t", {1}, inbox.callback());
  insist(*one, "from the one");
  insist(*other, "from the other");
  const auto messages = inbox.wait_for(2);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0], (std::pair<std::uint64_t, std::string>(1, "from the one")));
  EXPECT_EQ(messages[1], (std::pair<std::uint64_t, std::string>(2, "from the other")));
}

TEST_P(NatsBusTest, WithoutAServerPublishingFailsAtOnceAndSubscriptionsBeginWhenItComes) {
  server_->kill();
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  ASSERT_TRUE(subscription);
  const auto start = std::chrono::steady_clock::now();
  const auto refused = bus->publish("t", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos);
  EXPECT_FALSE(bus->head("t"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(1));
  ASSERT_TRUE(server_->restart());
  insist(*bus, "now");
  EXPECT_EQ(inbox.wait_for(1).at(0).second, "now");
}

TEST_P(NatsBusTest, AKilledServerLosesNothingAcceptedAndSubscriptionsGoOnWhereTheyWere) {
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  std::atomic<bool> stop = false;
  std::vector<std::pair<std::uint64_t, std::string>> accepted;
  std::jthread publisher([&] {
    for (int i = 0; !stop; ++i) {
      const std::string text = std::to_string(i);
      accepted.emplace_back(insist(*bus, text).value, text);
    }
  });
  for (int kill = 0; kill < 3; ++kill) {
    (void)inbox.wait_for(static_cast<std::size_t>(kill + 1) * 50);
    server_->kill();
    ASSERT_TRUE(server_->restart());
  }
  stop = true;
  publisher.join();
  // More may be there than was accepted: a message whose answer the kill swallowed.
  const std::uint64_t last = accepted.back().first;
  const auto messages = inbox.wait_for(last);
  ASSERT_GE(messages.size(), last);
  for (std::size_t i = 0; i < messages.size(); ++i) ASSERT_EQ(messages[i].first, i + 1) << "in order, none missing";
  for (const auto& [offset, text] : accepted) EXPECT_EQ(messages.at(offset - 1).second, text);
}

TEST_P(NatsBusTest, AStreamThatWasLostIsFollowedFromItsNewBeginning) {
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  for (int i = 0; i < 3; ++i) insist(*bus, "old");
  ASSERT_EQ(inbox.wait_for(3).size(), 3u);
  server_->kill();
  server_->lose_data();
  ASSERT_TRUE(server_->restart());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(insist(*bus, "new").value, static_cast<std::uint64_t>(i + 1));
  const auto messages = inbox.wait_for(8);
  ASSERT_EQ(messages.size(), 8u);
  EXPECT_EQ(messages[3], (std::pair<std::uint64_t, std::string>(1, "new")));
  EXPECT_EQ(messages[7], (std::pair<std::uint64_t, std::string>(5, "new")));
}

TEST_P(NatsBusTest, NobodyWaitsTwiceForAServerThatHangs) {
  const auto bus = open();
  Inbox inbox;
  const auto subscription = bus->subscribe("t", {1}, inbox.callback());
  insist(*bus, "before");
  ASSERT_EQ(inbox.wait_for(1).size(), 1u);
  server_->freeze();
  EXPECT_FALSE(bus->publish("t", "hangs"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(bus->publish("t", "fails at once").error().code, Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(500));
  server_->thaw();
  insist(*bus, "after");
  bool is_there = false;
  for (std::size_t i = 2; i <= 3 && !is_there; ++i) is_there = inbox.wait_for(i).back().second == "after";
  EXPECT_TRUE(is_there) << "the one that hung may have been stored, or not";
}

TEST_P(NatsBusTest, AServerThatHangsAtTheStartIsUsedOnceItGoesOn) {
  server_->freeze();
  const auto bus = open();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(bus->publish("t", "fails at once").error().code, Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(500));
  server_->thaw();
  insist(*bus, "now");
}

TEST_P(NatsBusTest, AMessageLargerThanTheServerTakesIsRefusedWithoutHarm) {
  const auto bus = open();
  insist(*bus, "first");
  EXPECT_EQ(bus->publish("t", std::string(5U << 20, 'x')).error().code, Code::kLimit);
  EXPECT_EQ(insist(*bus, "second").value, 2u);
}

INSTANTIATE_TEST_SUITE_P(Over, NatsBusTest, testing::Values(Speaks::kPlain, Speaks::kTls),
                         [](const auto& speaks) { return speaks.param == Speaks::kPlain ? "Tcp" : "Tls"; });

class NatsTlsTest : public testing::Test {
 protected:
  /// Null, and `missing_` says what to install, where there is none.
  std::unique_ptr<NatsServer> start(Speaks speaks) {
    auto server = NatsServer::start(speaks);
    EXPECT_TRUE(server || server.error().code == Code::kNotFound) << server.error().message;
    if (!server) missing_ = server.error().message;
    return server ? *std::move(server) : nullptr;
  }
  /// Why nothing can be published over a bus; empty when it can.
  static std::string refusal(const std::string& url, const NatsTls& tls) {
    const auto bus = NatsBus::open(url, tls);
    if (!bus) return bus.error().message;
    const auto published = (*bus)->publish("t", "x");
    return published ? std::string() : published.error().message;
  }
  std::string write(const char* name, const std::string& text) const {
    EXPECT_TRUE(write_file_atomically(folder_.path() / name, text));
    return (folder_.path() / name).native();
  }

  const TempFolder folder_{"yz-nats-tls"};
  std::string missing_;
};

TEST_F(NatsTlsTest, AServerThatCannotBeTrustedIsNotSpokenToAndTheSettingIsNamed) {
  const auto server = start(Speaks::kTls);
  const auto stranger = start(Speaks::kTls);
  const auto plain = start(Speaks::kPlain);
  if (!server || !stranger || !plain) GTEST_SKIP() << missing_;
  const struct {
    std::string url;
    NatsTls tls;
    const char* expected;  // empty: it works
  } cases[] = {
      {server->url(), server->tls(), ""},
      {server->url(), stranger->tls(), "`bus_tls`: SSL handshake error: 20:unable to get local issuer certificate"},
      {server->url(), {}, "unable to get local issuer certificate"},
      {server->url("localhost"), server->tls(), "the names in `bus`, and `bus_tls`: SSL handshake error: 62:hostname"},
      {"nats" + server->url().substr(3), {}, "unable to get local issuer certificate"},
      {"tls" + plain->url().substr(4), server->tls(), "NATS offers no TLS, which tls:// in `bus` asks for"},
  };
  for (const auto& c : cases) {
    const std::string said = refusal(c.url, c.tls);
    EXPECT_EQ(said.empty(), std::string_view(c.expected).empty()) << c.url << ": " << said;
    EXPECT_NE(said.find(c.expected), std::string::npos) << c.url << ": " << said;
    EXPECT_EQ(said.find("s3cret"), std::string::npos);
  }
}

TEST_F(NatsTlsTest, AServerThatAsksWhoWeAreIsShownOurCertificate) {
  const auto server = start(Speaks::kTlsToUs);
  if (!server) GTEST_SKIP() << missing_;
  EXPECT_EQ(refusal(server->url(), server->tls()), "");
  EXPECT_NE(refusal(server->url(), {.ca_file = server->tls().ca_file, .certificate_file = {}, .key_file = {}})
                .find("`bus_tls.certificate_file`"),
            std::string::npos);
}

TEST_F(NatsTlsTest, FilesThatCannotServeAreNamedWithTheirSetting) {
  const auto server = start(Speaks::kTlsToUs);
  if (!server) GTEST_SKIP() << missing_;
  const NatsTls good = server->tls();
  const std::string text = write("text", "hello\n");
  const std::string sealed = write(
      "sealed",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkG\n-----END ENCRYPTED PRIVATE KEY-----\n");
  const std::string other_key = (good.key_file.parent_path() / "server.key").native();
  const struct {
    NatsTls tls;
    const char* expected;
  } cases[] = {
      {{.ca_file = "/nowhere/ca.pem", .certificate_file = {}, .key_file = {}},
       "bus_tls.ca_file: cannot open '/nowhere/ca.pem'"},
      {{.ca_file = text, .certificate_file = {}, .key_file = {}}, "bus_tls.ca_file: "},
      {{.ca_file = {}, .certificate_file = "/nowhere", .key_file = good.key_file}, "bus_tls.certificate_file: "},
      {{.ca_file = {}, .certificate_file = text, .key_file = good.key_file}, "bus_tls.certificate_file: "},
      {{.ca_file = {}, .certificate_file = good.certificate_file, .key_file = "/nowhere"}, "bus_tls.key_file: "},
      {{.ca_file = {}, .certificate_file = good.certificate_file, .key_file = text}, "bus_tls.key_file: "},
      {{.ca_file = {}, .certificate_file = good.certificate_file, .key_file = sealed}, "bus_tls.key_file: "},
      {{.ca_file = {}, .certificate_file = good.certificate_file, .key_file = other_key}, "of that key"},
  };
  for (const auto& c : cases) {
    const auto bus = NatsBus::open("tls://127.0.0.1:1", c.tls);
    ASSERT_FALSE(bus) << c.expected;
    EXPECT_NE(bus.error().message.find(c.expected), std::string::npos) << bus.error().message;
  }
}

/// Offers TLS and says no more.
class SilentServer final {
 public:
  SilentServer() {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&any), size), 0);
    EXPECT_EQ(listen(listener_.get(), 8), 0);
    EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&any), &size), 0);
    port_ = ntohs(any.sin_port);
    thread_ = std::jthread([this] {
      constexpr std::string_view kInfo = "INFO {\"server_id\":\"s\",\"max_payload\":1000,\"tls_required\":true}\r\n";
      for (;;) {
        const UniqueFd client(accept(listener_.get(), nullptr, nullptr));
        if (!client) return;
        (void)!write(client.get(), kInfo.data(), kInfo.size());
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_over_; });
      }
    });
  }
  ~SilentServer() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    shutdown(listener_.get(), SHUT_RDWR);
  }
  [[nodiscard]] std::string url() const { return fmt::format("tls://127.0.0.1:{}", port_); }

 private:
  const UniqueFd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_over_ = false;
  std::jthread thread_;  // last: joins first
};

TEST_F(NatsTlsTest, NobodyWaitsForAServerThatFallsSilentInTheHandshake) {
  std::optional<SilentServer> server(std::in_place);
  const auto bus = NatsBus::open(server->url());
  ASSERT_TRUE(bus) << bus.error().message;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ((*bus)->publish("t", "x").error().code, Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(500));
  server.reset();  // else the bus would not end
}

TEST(NatsBusUrl, IsCheckedAndNeverRepeated) {
  EXPECT_TRUE(NatsBus::check_url("nats://127.0.0.1:4222"));
  EXPECT_TRUE(NatsBus::check_url("nats://u:p@a.example:4222,nats://b.example"));
  EXPECT_TRUE(NatsBus::check_url("tls://u:p@a.example:4222,tls://b.example"));
  for (const char* bad : {"", "nats://", "redis://:hidden@x", "nats://a,", "nats://a,tls://hidden",
                          "tls://a,nats://hidden", "tls://", "/tmp/hidden"}) {
    const auto checked = NatsBus::check_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, Code::kInvalid);
    EXPECT_EQ(checked.error().message.find("hidden"), std::string::npos);
  }
}

}  // namespace
}  // namespace yz::bus
