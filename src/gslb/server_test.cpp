#include "gslb/server.h"

#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/file.h"
#include "base/random.h"
#include "dns/test_query.h"
#include "gslb/test_world.h"
#include "io/reactor_thread.h"
#include "io/socket.h"
#include "model/codec.h"
#include "net/fetch.h"
#include "rpc/node_server.h"

namespace yz::gslb {
namespace {

using std::chrono::milliseconds;

/// An edge that says it is well.
class Edge final : public net::HttpHandler {
 public:
  explicit Edge(const std::string& address) : thread_("edge") {
    thread_.run_and_wait([&](io::Reactor& reactor) {
      server_ = std::make_unique<net::HttpServer>(reactor, *this);
      endpoint_ = *server_->listen({*IpAddress::parse(address), 0});
    });
  }
  ~Edge() override { stop(); }
  io::Task<void> handle(net::Exchange& exchange) override {
    (void)co_await exchange.respond_text(200, "text/plain", "ok");
  }
  void stop() {
    thread_.run_and_wait([this](io::Reactor&) { server_.reset(); });
  }
  void start_again() {
    thread_.run_and_wait([this](io::Reactor& reactor) {
      server_ = std::make_unique<net::HttpServer>(reactor, *this);
      ASSERT_TRUE(server_->listen(endpoint_));
    });
  }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  io::ReactorThread thread_;
  std::unique_ptr<net::HttpServer> server_;
  Endpoint endpoint_;
};

class ServerTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (server_ != nullptr) thread_.run_and_wait([this](io::Reactor&) { server_.reset(); });
  }

  GslbSettings settings() {
    GslbSettings out;
    out.listen = {{*IpAddress::parse("127.0.0.1"), 0}};
    out.http = Endpoint{*IpAddress::parse("127.0.0.1"), 0};
    out.geo_overrides = std::string(test::kPlaces);
    out.probing = false;
    out.probe.interval = milliseconds(100);
    return out;
  }
  void start(GslbSettings settings) {
    thread_.run_and_wait([&](io::Reactor& reactor) {
      auto server = Server::start(reactor, std::move(settings));
      ASSERT_TRUE(server) << server.error().message;
      server_ = *std::move(server);
    });
    ASSERT_NE(server_, nullptr);
  }

  /// The addresses of an A answer to a query with this subnet; "-" for an answer without any.
  std::vector<std::string> resolve(std::string_view subnet, bool over_tcp = false) {
    const auto wire = to_wire(dns::ClientSubnet{*IpPrefix::parse(subnet), 0});
    const auto query = dns::test::query("www.a.com.cdn.test", dns::Type::kA,
                                        dns::test::opt(dns::test::option(8, {wire.bytes, wire.size})));
    auto socket = *io::make_socket(AF_INET, over_tcp ? SOCK_STREAM : SOCK_DGRAM);
    ::fcntl(socket.get(), F_SETFL, 0);
    const timeval timeout{2, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    const auto address = io::SocketAddress::of(server_->dns_endpoints().front());
    if (::connect(socket.get(), address.data(), address.size) != 0) return {"no connection"};
    const std::string message = over_tcp ? dns::test::be16(static_cast<unsigned>(query.size())) + query : query;
    if (::send(socket.get(), message.data(), message.size(), 0) < 0) return {"not sent"};
    std::string reply(4096, '\0');
    const auto size = ::recv(socket.get(), reply.data(), reply.size(), 0);
    if (size < 12) return {"no answer"};
    std::string_view bytes(reply.data(), static_cast<std::size_t>(size));
    if (over_tcp) bytes.remove_prefix(2);
    const auto u = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
    std::vector<std::string> out;
    std::size_t at = 12 + dns::test::question("www.a.com.cdn.test", 1).size();
    for (unsigned i = 0; i < (u(6) << 8 | u(7)); ++i, at += 16) {
      out.push_back(fmt::format("{}.{}.{}.{}", u(at + 12), u(at + 13), u(at + 14), u(at + 15)));
    }
    return out.empty() ? std::vector<std::string>{"-"} : out;
  }

  net::FetchResponse get(const std::string& target, http::HeaderMap headers = {}) {
    net::FetchRequest request;
    request.url = fmt::format("http://{}{}", to_string(server_->http_endpoint()), target);
    request.headers = std::move(headers);
    auto response = net::fetch_blocking(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *std::move(response) : net::FetchResponse{};
  }
  /// Where a request with this Host is sent; empty when it is not a 302.
  std::string location_of(const std::string& host, const std::string& target) {
    io::Reactor reactor;
    net::HttpClient client(reactor);
    net::Upstream upstream;
    upstream.endpoint = server_->http_endpoint();
    net::ClientRequest request;
    request.host = host;
    request.target = target;
    const auto response = reactor.block_on(client.send(upstream, std::move(request)));
    if (!response || response->status() != 302) return {};
    const auto* const field = response->head().fields.find("Location");
    return field == nullptr ? std::string() : std::string(field->value);
  }
  nlohmann::json get_json(const std::string& target) { return nlohmann::json::parse(get(target).body, nullptr, false); }

  template <typename Condition>
  static milliseconds wait_until(Condition condition, milliseconds most) {
    const auto start = std::chrono::steady_clock::now();
    while (!condition() && std::chrono::steady_clock::now() - start < most) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  }

  io::ReactorThread thread_{"gslb"};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, DnsHttpDnsAnd302NameTheSameNodes) {
  auto with = settings();
  with.config = std::make_shared<const model::ConfigSnapshot>(test::config());
  start(std::move(with));
  Random random(1);
  for (int i = 0; i < 60; ++i) {
    const auto block = i % 3 == 0   ? 0xcb007100U
                       : i % 3 == 1 ? 0xc6336400U
                                    : static_cast<std::uint32_t>(random.next()) & 0xdfffff00U;
    const auto client = IpAddress::v4(block | static_cast<std::uint32_t>(random.below(256)));
    if (client.is_private() || client.is_loopback()) continue;
    const auto dns = resolve(to_string(IpPrefix{client.masked(24), 24}), i % 2 == 1);
    const auto http_dns = get_json("/d?host=www.a.com&ip=" + to_string(client));
    EXPECT_EQ(http_dns["ips"], nlohmann::json(dns)) << to_string(client);
    EXPECT_EQ(http_dns["client_ip"], to_string(client));
  }
  // A 302 goes by who asks: from here that is 127.0.0.1.
  const auto dns = resolve("127.0.0.0/24");
  for (const auto& location :
       {location_of("127.0.0.1", "/302/www.a.com/x/y%20z.bin?q=1"), location_of("a.com", "/x/y%20z.bin?q=1")}) {
    ASSERT_FALSE(location.empty());
    EXPECT_EQ(location.substr(0, location.find("/.yz")), "http://" + dns.front() + ":8080");
    EXPECT_EQ(location.substr(location.rfind("/x/")), "/x/y%20z.bin?q=1");
  }
}

TEST_F(ServerTest, TrustedProxiesSayWhoTheClientIs) {
  auto config = test::config();
  auto changed = config.settings;
  changed.trusted_proxies = {*IpPrefix::parse("127.0.0.0/8")};
  config.put(changed, {1});
  auto with = settings();
  with.config = std::make_shared<const model::ConfigSnapshot>(config);
  start(std::move(with));
  const auto beijing = get("/302/www.a.com/", {{"X-Forwarded-For", "198.51.100.1, 203.0.113.9, 127.0.0.3"}});
  EXPECT_EQ(beijing.headers.value("Location")->substr(0, 15), "http://127.0.1.") << "the last hop that is no proxy";
}

TEST_F(ServerTest, HttpDnsErrorsAreAlibabas) {
  auto with = settings();
  with.config = std::make_shared<const model::ConfigSnapshot>(test::config());
  start(std::move(with));
  const struct {
    const char* target;
    int status;
    const char* code;
  } cases[] = {
      {"/d", 400, "MissingArgument"},
      {"/d?host=", 400, "MissingArgument"},
      {"/d?host=a..b", 400, "InvalidHost"},
      {"/12345/d?host=www.b.com", 404, "InvalidHost"},
      {"/d?host=www.a.com&ip=1.2.3", 400, "InvalidIP"},
      {"/d?host=www.a.com&query=5", 400, "InvalidQuery"},
  };
  for (const auto& c : cases) {
    const auto response = get(c.target);
    EXPECT_EQ(response.status, c.status) << c.target;
    EXPECT_EQ(nlohmann::json::parse(response.body, nullptr, false)["code"], c.code) << c.target;
  }
  const auto both = get_json("/d?host=www.a.com&ip=203.0.113.1&query=4,6");
  EXPECT_EQ(both["ips"].size(), 2U);
  EXPECT_EQ(both["ipsv6"], nlohmann::json({"2001:db8:1::1"}));
  EXPECT_EQ(both["ttl"], 60);
}

TEST_F(ServerTest, ExplainSaysWhy) {
  auto with = settings();
  with.config = std::make_shared<const model::ConfigSnapshot>(test::config());
  start(std::move(with));
  const auto json = get_json("/explain?name=www.a.com.cdn.test&address=203.0.113.7");
  EXPECT_EQ(json["block"], "203.0.113.0/24");
  EXPECT_EQ(json["chosen"].size(), 2U);
  EXPECT_NE(get("/explain?name=www.a.com&address=203.0.113.7&format=text").body.find("beijing unicom"),
            std::string::npos);
  EXPECT_EQ(get("/explain?name=none&address=203.0.113.7").status, 404);
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_NE(get("/metrics").body.find("yz_dns_queries_total"), std::string::npos);
}

TEST_F(ServerTest, ADeadNodeLeavesDnsAndComesBack) {
  Edge beijing("127.0.1.1");
  Edge guangdong("127.0.2.1");
  auto config = test::config();
  for (const std::uint64_t id : {2ULL, 4ULL}) (void)config.remove({model::ResourceKind::kNode, id}, {2});
  for (const auto& [id, edge] : {std::pair{1ULL, &beijing}, std::pair{3ULL, &guangdong}}) {
    auto node = *config.nodes.find({id});
    node.addresses = {edge->endpoint().address};
    node.http_port = edge->endpoint().port;
    config.put(node, {3});
  }
  auto with = settings();
  with.config = std::make_shared<const model::ConfigSnapshot>(config);
  with.probing = true;
  start(std::move(with));
  const auto says = [&](const char* address) { return resolve("203.0.113.0/24") == std::vector<std::string>{address}; };
  const auto is_up = [&] { return get("/metrics").body.find("yz_gslb_nodes_up 2") != std::string::npos; };
  wait_until([&] { return is_up() && says("127.0.1.1"); }, milliseconds(3000));
  ASSERT_TRUE(says("127.0.1.1"));
  beijing.stop();
  const auto out = wait_until([&] { return says("127.0.2.1"); }, milliseconds(5000));
  EXPECT_LT(out, milliseconds(1500));
  beijing.start_again();
  const auto back = wait_until([&] { return says("127.0.1.1"); }, milliseconds(5000));
  EXPECT_LT(back, milliseconds(2500));
}

TEST_F(ServerTest, StartsFromItsStateWithoutControl) {
  const TempFolder folder;
  const StateStore store(folder.path());
  ASSERT_TRUE(store.save(test::config()));
  std::vector<model::NodeState> states(4);
  for (std::uint64_t id = 1; id <= 4; ++id) {
    states[id - 1].node = {id};
    states[id - 1].connected = states[id - 1].ready = id != 2;
    states[id - 1].acked_config = {1};
  }
  ASSERT_TRUE(store.save(states));
  auto with = settings();
  with.state = folder.path();
  with.control = {"127.0.0.1:1"};
  with.join_token = "none";
  start(std::move(with));
  EXPECT_EQ(resolve("203.0.113.0/24"), (std::vector<std::string>{"127.0.1.1"})) << "node 2 was away when last heard of";
}

/// Control's end: signs whoever has the token, sends what it is told to, keeps the acknowledgements.
class FakeControl final : public rpc::NodeServerEvents {
 public:
  FakeControl() : ca_(*rpc::make_ca("test CA", now())), token_(*rpc::make_join_token(ca_.certificate_pem)) {
    rpc::NodeServerOptions options;
    options.server = *rpc::make_server_certificate(ca_, now(), std::chrono::hours(72));
    options.ca_pem = ca_.certificate_pem;
    server_ = *rpc::NodeServer::start(std::move(options), *this);
  }
  ~FakeControl() override { stop(); }

  void on_enrol(rpc::EnrolRequest request, EnrolReply reply) override {
    if (request.token_secret != token_.secret) return reply(fail(Code::kPermission, "unknown token"));
    auto certificate = rpc::sign_request(ca_, request.request_pem, {9}, now(), std::chrono::hours(72));
    reply(rpc::EnrolAnswer{{9}, *certificate, ca_.certificate_pem});
  }
  Result<std::optional<rpc::Welcome>> on_hello(const rpc::NodeSessionPtr& session) override {
    session->send(rpc::ConfigSnapshotUpdate{config.seq, std::make_shared<const std::string>(model::encode(config))});
    rpc::NodeStates update{true, {}};
    for (std::uint64_t id = 1; id <= 4; ++id) {
      model::NodeState state;
      state.node = {id};
      state.connected = state.ready = true;
      state.acked_config = config.seq;
      update.states.push_back(state);
    }
    session->send(update);
    const std::lock_guard lock(mutex_);
    session_ = session;
    return rpc::Welcome{{9}, config.seq, {}};
  }
  void on_message(const rpc::NodeSessionPtr&, rpc::NodeMessage message) override {
    const std::lock_guard lock(mutex_);
    if (const auto* ack = std::get_if<rpc::ConfigAck>(&message)) acks_.push_back(*ack);
  }
  void on_behind(const rpc::NodeSessionPtr&, const rpc::Behind&) override {}
  void on_closed(const rpc::NodeSessionPtr&, const std::string&) override {}

  void send(rpc::ControlMessage message) {
    const std::lock_guard lock(mutex_);
    if (session_ != nullptr) session_->send(std::move(message));
  }
  std::vector<rpc::ConfigAck> acks() {
    const std::lock_guard lock(mutex_);
    return acks_;
  }
  void stop() { server_->stop(); }
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", server_->port()); }
  [[nodiscard]] const std::string& token() const { return token_.text; }

  model::ConfigSnapshot config = test::config();

 private:
  static WallTime now() { return SystemClock::instance().wall(); }
  rpc::KeyPair ca_;
  rpc::JoinToken token_;
  std::mutex mutex_;
  rpc::NodeSessionPtr session_;
  std::vector<rpc::ConfigAck> acks_;
  std::unique_ptr<rpc::NodeServer> server_;
};

TEST_F(ServerTest, JoinsControlFollowsItAndOutlivesIt) {
  const TempFolder folder;
  auto control = std::make_unique<FakeControl>();
  auto with = settings();
  with.state = folder.path();
  with.control = {control->address()};
  with.join_token = control->token();
  const auto again = with;
  start(std::move(with));
  const std::vector<std::string> beijing_only_one = {"127.0.1.1"};
  wait_until([&] { return resolve("203.0.113.0/24").size() == 2; }, milliseconds(10'000));
  ASSERT_EQ(resolve("203.0.113.0/24").size(), 2U);

  // A change comes as a delta and is acknowledged; one that starts elsewhere is refused, and the old one stays.
  auto next = control->config;
  auto node = *next.nodes.find({2});
  node.enabled = false;
  next.put(node, {2});
  const auto delta = model::diff(control->config, next);
  const auto bytes = std::make_shared<const std::string>(model::encode(delta));
  control->send(rpc::ConfigDeltaUpdate{delta.from, delta.to, bytes});
  wait_until([&] { return resolve("203.0.113.0/24") == beijing_only_one; }, milliseconds(5000));
  EXPECT_EQ(resolve("203.0.113.0/24"), beijing_only_one);
  control->send(rpc::ConfigDeltaUpdate{delta.from, delta.to, bytes});
  wait_until([&] { return control->acks().size() >= 3; }, milliseconds(5000));
  const auto acks = control->acks();
  ASSERT_EQ(acks.size(), 3U);
  EXPECT_TRUE(acks[0].ok && acks[1].ok);
  EXPECT_EQ(acks[1].seq, model::ConfigSeq{2});
  EXPECT_FALSE(acks[2].ok);
  EXPECT_FALSE(acks[2].reason.empty());

  // A node that its agent calls away and nobody probes leaves the answer.
  model::NodeState away;
  away.node = {1};
  away.acked_config = {2};
  control->send(rpc::NodeStates{false, {away}});
  wait_until([&] { return resolve("203.0.113.0/24").front().starts_with("127.0.2."); }, milliseconds(5000));
  EXPECT_TRUE(resolve("203.0.113.0/24").front().starts_with("127.0.2."));

  // Without control it goes on, and starts again from its folder.
  control.reset();
  EXPECT_TRUE(resolve("203.0.113.0/24").front().starts_with("127.0.2."));
  thread_.run_and_wait([this](io::Reactor&) { server_.reset(); });
  start(again);
  EXPECT_TRUE(resolve("203.0.113.0/24").front().starts_with("127.0.2.")) << "it remembers who was away";
  EXPECT_EQ(get_json("/healthz")["config_seq"], 2);
}

TEST_F(ServerTest, APortInUseIsSaidInOneSentence) {
  auto with = settings();
  with.config = std::make_shared<const model::ConfigSnapshot>(test::config());
  auto again = with;
  start(std::move(with));
  again.http = server_->http_endpoint();
  thread_.run_and_wait([&](io::Reactor& reactor) {
    const auto second = Server::start(reactor, std::move(again));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message.substr(0, 8), "HTTP on ");
  });
}

}  // namespace
}  // namespace yz::gslb
