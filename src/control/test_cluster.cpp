#include "control/test_cluster.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "model/codec.h"
#include "store/mariadb_server_for_test.h"

namespace yz::control::test {
namespace {

UniqueFd connect_to(const Endpoint& endpoint) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(endpoint.port);
  to.sin_addr.s_addr = htonl(endpoint.address.v4_value());
  const timeval patience{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return {};
  return fd;
}

std::string unchunk(std::string_view in) {
  std::string out;
  for (;;) {
    const std::size_t line = in.find("\r\n");
    if (line == std::string_view::npos) return out;
    const std::size_t size = std::stoul(std::string(in.substr(0, line)), nullptr, 16);
    if (size == 0) return out;
    out += in.substr(line + 2, size);
    in.remove_prefix(std::min(in.size(), line + 2 + size + 2));
  }
}

Response parse(const std::string& text) {
  Response out;
  const std::size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string::npos) return out;
  out.status = std::stoi(text.substr(9, 3));
  for (std::string_view line : split(std::string_view(text).substr(0, head_end), '\n')) {
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      out.headers[to_lower(line.substr(0, colon))] = std::string(trim(line.substr(colon + 1)));
    }
  }
  out.body = text.substr(head_end + 4);
  if (out.headers.contains("transfer-encoding")) out.body = unchunk(out.body);
  return out;
}

}  // namespace

std::string new_database(const std::filesystem::path& file) {
  if (std::getenv("YZ_TEST_MARIADB") == nullptr) return "sqlite:" + file.native();
  static const auto server = store::MariadbServer::start();
  static int number = 0;
  const std::string name = "control_" + std::to_string(++number);
  const Status created = server ? (*server)->create_database(name) : fail(server.error());
  EXPECT_TRUE(created) << created.error().message;
  return created ? (*server)->url(name) : "mysql://nowhere/none";
}

TestControl::TestControl(std::function<void(ControlSettings&)> adjust)
    : adjust_(std::move(adjust)), database_(new_database(folder_.path() / "state" / "control.db")) {
  start();
}
TestControl::~TestControl() { stop(); }

void TestControl::start() {
  ControlSettings settings;
  settings.listen = Endpoint{IpAddress::v4(0x7f000001), 0};
  settings.node_listen = "127.0.0.1:" + std::to_string(node_port_);
  settings.state = folder_.path() / "state";
  settings.threads = 4;
  settings.cdn_zone = "cdn.test";
  settings.database = database_;
  if (adjust_) adjust_(settings);
  ASSERT_EQ(settings.database.starts_with("mysql:"), database_.starts_with("mysql:"))
      << "not where YZ_TEST_MARIADB says";
  auto opened = ControlProgram::open(settings);
  ASSERT_TRUE(opened) << opened.error().message;
  program_ = *std::move(opened);
  node_port_ = program_->node_port();
  if (const auto& made = program_->first_secrets().token) token_ = *made;
  if (const auto& made = program_->first_secrets().password) password_ = *made;
  thread_ = std::thread([this] { program_->run(); });
}

void TestControl::stop() {
  if (!program_) return;
  program_->stop();
  thread_.join();
  program_.reset();
}

void TestControl::restart() {
  stop();
  start();
}

Response TestControl::exchange(const std::string& request) {
  const UniqueFd fd = connect_to(program_->api());
  if (!fd) return {};
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return {};
  std::string text;
  char buffer[65536];
  for (ssize_t n = 0; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  return parse(text);
}

Response TestControl::call(const std::string& method, const std::string& path, const std::string& body,
                           std::vector<std::pair<std::string, std::string>> headers, const std::string& token) {
  std::string request = method + " " + path + " HTTP/1.1\r\nHost: control\r\nConnection: close\r\n";
  if (!token.empty()) request += "Authorization: Bearer " + (token == "operator" ? token_ : token) + "\r\n";
  for (const auto& [name, value] : headers) request.append(name).append(": ").append(value).append("\r\n");
  if (!body.empty()) {
    request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return exchange(request + "\r\n" + body);
}

std::uint64_t TestControl::create(const std::string& collection, const nlohmann::json& body) {
  const Response made = post("/api/v1/" + collection, body);
  EXPECT_EQ(made.status, 201) << collection << ": " << made.body;
  return made.status == 201 ? made.json()["id"].get<std::uint64_t>() : 0;
}

std::vector<std::pair<std::string, nlohmann::json>> TestControl::events(const std::string& path,
                                                                        const std::string& last) {
  std::vector<std::pair<std::string, nlohmann::json>> out;
  const UniqueFd fd = connect_to(program_->api());
  const std::string request =
      "GET " + path + " HTTP/1.0\r\nHost: control\r\nAuthorization: Bearer " + token_ + "\r\n\r\n";
  if (!fd || ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) <= 0) return out;
  std::string text;
  char buffer[65536];
  bool in_body = false;
  for (ssize_t n = 0; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
    if (!in_body) {
      const std::size_t head_end = text.find("\r\n\r\n");
      if (head_end == std::string::npos) continue;
      text.erase(0, head_end + 4);
      in_body = true;
    }
    for (std::size_t end = 0; (end = text.find("\n\n")) != std::string::npos; text.erase(0, end + 2)) {
      std::string name;
      std::string data;
      for (std::string_view line : split(std::string_view(text).substr(0, end), '\n')) {
        if (line.starts_with("event: ")) name = line.substr(7);
        if (line.starts_with("data: ")) data = line.substr(6);
      }
      if (name.empty()) continue;
      out.emplace_back(name, nlohmann::json::parse(data, nullptr, false));
      if (name == last) return out;
    }
  }
  return out;
}

TestControl::World TestControl::make_world(std::size_t nodes) {
  World out;
  out.tenant = create("tenants", {{"name", "a"}});
  out.origins =
      create("origin-groups",
             {{"tenant", out.tenant}, {"name", "origin"}, {"origins", {{{"host", "127.0.0.1"}, {"port", 9000}}}}});
  out.group = create(
      "node-groups",
      {{"name", "bj"}, {"tier", "l1"}, {"place", {{"country", "CN"}, {"province", "CN-BJ"}}}, {"isps", {"unicom"}}});
  for (std::size_t i = 0; i < nodes; ++i) {
    out.nodes.push_back(create("nodes", {{"name", "n" + std::to_string(i)},
                                         {"group", out.group},
                                         {"addresses", {"127.0.1." + std::to_string(i + 1)}},
                                         {"http_port", 8080}}));
  }
  out.policy = create("policies", {{"name", "default"}, {"default_groups", {out.group}}});
  out.domain = create("domains", {{"tenant", out.tenant}, {"name", "www.a.com"}, {"origin_group", out.origins}});
  return out;
}

std::string TestControl::tenant_token(std::uint64_t tenant) {
  const Response made = post("/api/v1/tokens", {{"name", "t"}, {"role", "tenant"}, {"tenant", tenant}});
  EXPECT_EQ(made.status, 201) << made.body;
  return made.json().value("token", "");
}

std::string TestControl::join_token(std::uint64_t node) {
  const Response made = post("/api/v1/nodes/join-tokens", {{"role", "edge"}, {"node", node}});
  EXPECT_EQ(made.status, 201) << made.body;
  return made.json().value("token", "");
}

std::string TestControl::scheduler_token() {
  const Response made = post("/api/v1/nodes/join-tokens", {{"role", "scheduler"}});
  EXPECT_EQ(made.status, 201) << made.body;
  return made.json().value("token", "");
}

// ---- FakeNode

FakeNode::FakeNode(TestControl& control, const std::string& join_token, rpc::Role role)
    : config(std::make_shared<const model::ConfigSnapshot>()), controls_{control.node_address()}, role_(role) {
  auto identity = rpc::enrol({control.node_address(), join_token, role, "fake", std::chrono::seconds(5)});
  EXPECT_TRUE(identity) << identity.error().message;
  if (identity) identity_ = *std::move(identity);
  connect();
}

FakeNode::~FakeNode() { disconnect(); }

void FakeNode::connect() {
  rpc::NodeClientOptions options;
  options.controls = controls_;
  options.identity = identity_;
  options.first_retry = std::chrono::milliseconds(20);
  options.max_retry = std::chrono::milliseconds(100);
  const std::lock_guard lock(mutex_);  // the first message may be sooner than the assignment
  client_ = rpc::NodeClient::start(std::move(options), *this);
}

void FakeNode::also_ask(const TestControl& other) {
  disconnect();
  controls_.push_back(other.node_address());
  connect();
}

void FakeNode::disconnect() {
  if (client_) client_->stop();
  client_.reset();
}

rpc::Hello FakeNode::make_hello() {
  const std::lock_guard lock(mutex_);
  rpc::Hello hello;
  hello.role = role_;
  hello.node = identity_.node;
  hello.name = "fake";
  hello.applied_config = config->seq;
  if (config->seq) hello.config_hash = config->content_hash();
  hello.applied_purge = applied;
  return hello;
}

void FakeNode::on_connected(const rpc::Welcome& /*welcome*/) {
  const std::lock_guard lock(mutex_);
  order.emplace_back("welcome");
  changed_.notify_all();
}

void FakeNode::take_config(model::ConfigSnapshot next) {
  const model::ConfigSeq seq = next.seq;
  order.push_back("config " + std::to_string(seq.value));
  if (refuses_config) {
    client_->send(rpc::ConfigAck{seq, false, "not to my taste"});
    return;
  }
  config = std::make_shared<const model::ConfigSnapshot>(std::move(next));
  if (acks_config) client_->send(rpc::ConfigAck{seq, true, {}});
}

void FakeNode::ack_config() {
  const std::lock_guard lock(mutex_);
  client_->send(rpc::ConfigAck{config->seq, true, {}});
}

void FakeNode::on_message(rpc::ControlMessage message) {
  const std::lock_guard lock(mutex_);
  if (auto* snapshot = std::get_if<rpc::ConfigSnapshotUpdate>(&message)) {
    auto decoded = model::decode_snapshot(*snapshot->snapshot);
    EXPECT_TRUE(decoded);
    if (decoded) take_config(*std::move(decoded));
  } else if (auto* delta = std::get_if<rpc::ConfigDeltaUpdate>(&message)) {
    auto decoded = model::decode_delta(*delta->delta);
    EXPECT_TRUE(decoded);
    auto next = model::apply(*config, *decoded);
    if (next) {
      take_config(*std::move(next));
    } else {
      client_->send(rpc::ConfigAck{delta->to, false, next.error().message});
    }
  } else if (auto* records = std::get_if<rpc::PurgeRecords>(&message)) {
    auto decoded = model::decode_purge_records(*records->records);
    EXPECT_TRUE(decoded);
    for (const model::PurgeRecord& record : *decoded) {
      if (record.seq <= applied) continue;
      EXPECT_EQ(record.seq.value, applied.value + 1) << "a gap";
      applied = record.seq;
      purges.push_back(record);
    }
    if (acks_purges) client_->send(rpc::PurgeAck{applied});
  } else if (auto* resync = std::get_if<rpc::PurgeResync>(&message)) {
    applied = resync->seq;
    ++resyncs;
    client_->send(rpc::PurgeAck{applied});
  } else if (auto* task = std::get_if<rpc::PrefetchTask>(&message)) {
    prefetches.push_back(*task);
    if (loads) load(*task);
  } else if (auto* ack = std::get_if<rpc::UsageAck>(&message)) {
    usage_acks.push_back(*ack);
  } else if (auto* stored = std::get_if<rpc::LogAck>(&message)) {
    log_acks.push_back(*stored);
  } else if (auto* news = std::get_if<rpc::NodeStates>(&message)) {
    order.push_back("states " + std::to_string(news->states.size()));
    for (const model::NodeState& state : news->states) {
      std::erase_if(states, [&](const model::NodeState& old) { return old.node == state.node; });
      states.push_back(state);
    }
  } else if (auto* drain = std::get_if<rpc::SetDrain>(&message)) {
    order.push_back(drain->draining ? "drain 1" : "drain 0");
  }
  changed_.notify_all();
}

void FakeNode::load(const rpc::PrefetchTask& task) {
  rpc::PrefetchResult result;
  result.task = task.task;
  for (const std::string& url : task.urls) {
    const auto manifest = manifests.find(url);
    if (task.reads_manifests && manifest != manifests.end()) {
      client_->send(rpc::PrefetchResult{task.task, {}, url, manifest->second});
    }
    const bool ok = url.find("missing") == std::string::npos;
    result.urls.push_back({url, ok, ok ? 200U : 404U, 10, "", task.reads_manifests});
  }
  client_->send(std::move(result));
}

std::vector<rpc::PrefetchTask> FakeNode::asked() {
  const std::lock_guard lock(mutex_);
  return prefetches;
}

std::vector<std::string> FakeNode::asked_urls() {
  std::vector<std::string> urls;
  for (const rpc::PrefetchTask& task : asked()) urls.insert(urls.end(), task.urls.begin(), task.urls.end());
  return urls;
}

void FakeNode::on_disconnected(const Error& /*reason*/) {
  const std::lock_guard lock(mutex_);
  order.emplace_back("disconnected");
  changed_.notify_all();
}

void FakeNode::on_refused(const Error& reason, std::chrono::milliseconds /*retry_in*/) {
  const std::lock_guard lock(mutex_);
  order.push_back("refused: " + reason.message);
  changed_.notify_all();
}

}  // namespace yz::control::test
