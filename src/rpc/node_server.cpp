#include "rpc/node_server.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "io/listener.h"
#include "io/reactor_thread.h"
#include "io/resolver.h"
#include "net/tls.h"
#include "rpc/address.h"
#include "rpc/node_session.h"
#include "rpc/relay_gate.h"

namespace yz::rpc {
namespace {

constexpr std::chrono::milliseconds kHousekeeping{250};
constexpr std::chrono::milliseconds kStopGrace{1000};  // for closing sessions with a reason
constexpr std::chrono::milliseconds kAcceptPause{20};

class ServerImpl final : public NodeServer, public SessionHost {
 public:
  ServerImpl(NodeServerOptions options, NodeServerEvents& events) : options_(std::move(options)), gate_(events) {}
  ~ServerImpl() override { stop(); }

  Status listen();

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] std::size_t session_count() const override {
    const std::lock_guard lock(mutex_);
    return by_node_.size();
  }
  void stop() override;

  Status set_certificate(KeyPair server) override;
  [[nodiscard]] NodeServerEvents& events() override { return gate_; }
  [[nodiscard]] const NodeServerOptions& options() const override { return options_; }
  void admit(const ServerSessionPtr& session) override;

 private:
  /// One reactor, and what runs there.
  struct Worker {
    explicit Worker(const std::string& name) : thread(name, io::Backend::kEpoll) {}
    io::ReactorThread thread;
    std::unique_ptr<io::TaskScope> tasks = std::make_unique<io::TaskScope>();  // made and destroyed on the thread
    std::unordered_set<ServerSessionPtr> sessions;                             // on the thread
  };
  io::Task<void> accept_loop(io::TcpListener listener);
  void hand_over(io::TcpStream stream);
  io::Task<void> serve(Worker& worker, ServerSessionPtr session, UniqueFd fd, Endpoint peer);
  io::Task<void> keep_house(Worker& worker);
  void forget(const ServerSessionPtr& session);

  const NodeServerOptions options_;
  RelayGate gate_;
  std::shared_ptr<net::TlsServerContext> tls_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::size_t next_worker_ = 0;  // on the first worker's thread

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool is_stopping_ = false;
  std::shared_ptr<const net::TlsIdentity> shown_;
  std::unordered_set<ServerSessionPtr> all_;
  std::unordered_map<model::NodeId, ServerSessionPtr> by_node_;
};

Status ServerImpl::listen() {
  YZ_CHECK(set_certificate(options_.server));
  net::TlsServerOptions tls;
  tls.protocols = {kProtocol};
  tls.client_ca_pem = options_.ca_pem;
  const auto choose = [this](std::string_view) {
    const std::lock_guard lock(mutex_);
    return shown_;
  };
  YZ_TRY(tls_, net::TlsServerContext::make(choose, std::move(tls)));

  YZ_TRY(const HostPort where, HostPort::parse(options_.listen));
  YZ_TRY(const auto addresses, io::resolve_blocking(where.host));
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.threads, 1); ++i) {
    workers_.push_back(std::make_unique<Worker>("nodes-" + std::to_string(i)));
  }
  // One listener, not one a thread: a second control on the port is a mistake to be told.
  Status listening;
  workers_.front()->thread.run_and_wait([&](io::Reactor& reactor) {
    auto bound = io::TcpListener::bind(reactor, {addresses.front(), where.port});
    if (!bound) {
      listening = fail(Code::kUnavailable, "cannot listen on " + options_.listen + ": " + bound.error().message);
      return;
    }
    port_ = bound->local().port;
    reactor.spawn_into(*workers_.front()->tasks, accept_loop(*std::move(bound)));
  });
  YZ_CHECK(listening);
  for (const auto& worker : workers_) {
    worker->thread.run_and_wait([&](io::Reactor& reactor) { reactor.spawn_into(*worker->tasks, keep_house(*worker)); });
  }
  return {};
}

Status ServerImpl::set_certificate(KeyPair server) {
  YZ_CHECK(verify_pair(server, options_.ca_pem));
  auto identity = std::make_shared<net::TlsIdentity>();
  YZ_TRY(auto certificate, net::TlsCertificate::load(server.certificate_pem, server.key_pem));
  identity->certificates = {std::move(certificate)};
  identity->min_version = net::TlsVersion::kTls13;
  const std::lock_guard lock(mutex_);
  shown_ = std::move(identity);
  return {};
}

io::Task<void> ServerImpl::accept_loop(io::TcpListener listener) {
  for (;;) {
    auto stream = co_await listener.accept(io::kNoDeadline);
    if (stream) {
      hand_over(*std::move(stream));
    } else {
      log::warn("node channel: accept: {}", stream.error().message);
      co_await io::sleep_for(kAcceptPause);
    }
  }
}

void ServerImpl::hand_over(io::TcpStream stream) {
  auto session = std::make_shared<ServerSession>(*this, stream.peer());
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_ || all_.size() - by_node_.size() >= options_.max_unknown) return;
    all_.insert(session);
  }
  Worker& worker = *workers_[next_worker_++ % workers_.size()];
  const Endpoint peer = stream.peer();
  worker.thread.reactor().post(
      [this, &worker, session = std::move(session), peer, fd = std::move(stream).release_fd()]() mutable {
        if (!worker.tasks) return;  // stopped meanwhile
        io::Reactor::current().spawn_into(*worker.tasks, serve(worker, std::move(session), std::move(fd), peer));
      });
}

io::Task<void> ServerImpl::serve(Worker& worker, ServerSessionPtr session, UniqueFd fd, Endpoint peer) {
  worker.sessions.insert(session);
  co_await session->run(io::TcpStream(io::Reactor::current(), std::move(fd), peer), tls_);
  worker.sessions.erase(session);
  forget(session);
}

void ServerImpl::admit(const ServerSessionPtr& session) {
  ServerSessionPtr old;
  {
    const std::lock_guard lock(mutex_);
    ServerSessionPtr& slot = by_node_[session->node()];
    old = std::exchange(slot, session);
  }
  if (!old) return;
  old->close("replaced by a newer session");
  old->report_closed();
}

void ServerImpl::forget(const ServerSessionPtr& session) {
  const std::lock_guard lock(mutex_);
  all_.erase(session);
  const auto it = by_node_.find(session->node());
  if (it != by_node_.end() && it->second == session) by_node_.erase(it);
  changed_.notify_all();
}

io::Task<void> ServerImpl::keep_house(Worker& worker) {
  for (;;) {
    co_await io::sleep_for(kHousekeeping);
    const WallTime wall = options_.clock->wall();
    for (const ServerSessionPtr& session : worker.sessions) session->look_at_clock(wall);
  }
}

void ServerImpl::stop() {
  std::unordered_set<ServerSessionPtr> left;
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(is_stopping_, true)) return;
    left = all_;
    lock.unlock();
    for (const ServerSessionPtr& session : left) session->close("control is stopping");
    lock.lock();
    changed_.wait_for(lock, kStopGrace, [this] { return all_.empty(); });
    left = all_;
  }
  for (const auto& worker : workers_) {
    worker->thread.run_and_wait([&worker](io::Reactor&) { worker->tasks.reset(); });
  }
  for (const ServerSessionPtr& session : left) session->report_closed();
  for (const auto& worker : workers_) worker->sessions.clear();
  const std::lock_guard lock(mutex_);
  by_node_.clear();
  all_.clear();
  workers_.clear();
}

}  // namespace

Result<std::unique_ptr<NodeServer>> NodeServer::start(NodeServerOptions options, NodeServerEvents& events) {
  auto server = std::make_unique<ServerImpl>(std::move(options), events);
  YZ_CHECK(server->listen());
  return Result<std::unique_ptr<NodeServer>>(std::move(server));
}

}  // namespace yz::rpc
