#include "rpc/node_server.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <grpc/grpc.h>
#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "rpc/grpc_status.h"
#include "rpc/node_session.h"
#include "yizhan/v1/node.grpc.pb.h"

namespace yz::rpc {
namespace {

constexpr int kMaxMessageBytes = 4 << 20;
constexpr std::chrono::milliseconds kHousekeeping{250};
constexpr std::chrono::milliseconds kStopGrace{1000};  // for closing sessions with a reason

/// Connect's messages as bytes: frames share their payloads (frame.h).
using Service = wire::pb::NodeChannel::WithRawCallbackMethod_Connect<
    wire::pb::NodeChannel::WithCallbackMethod_Enrol<wire::pb::NodeChannel::Service>>;

class ServerImpl final : public NodeServer, public SessionHost, private Service {
 public:
  ServerImpl(NodeServerOptions options, NodeServerEvents& events) : options_(std::move(options)), events_(events) {}
  ~ServerImpl() override { stop(); }

  Status listen();

  [[nodiscard]] std::uint16_t port() const override { return static_cast<std::uint16_t>(port_); }
  [[nodiscard]] std::size_t session_count() const override {
    const std::lock_guard lock(mutex_);
    return by_node_.size();
  }
  void stop() override;

  [[nodiscard]] NodeServerEvents& events() override { return events_; }
  [[nodiscard]] const NodeServerOptions& options() const override { return options_; }
  void admit(const ServerSessionPtr& session) override;
  void forget(const ServerSessionPtr& session) override;

 private:
  grpc::ServerUnaryReactor* Enrol(grpc::CallbackServerContext* context, const wire::pb::EnrolRequest* request,
                                  wire::pb::EnrolResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Connect(grpc::CallbackServerContext* context) override;
  void keep_house();
  [[nodiscard]] std::vector<ServerSessionPtr> all_sessions() const;
  void call_ended();

  const NodeServerOptions options_;
  NodeServerEvents& events_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::thread housekeeper_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::size_t calls_ = 0;  // streams and enrolments gRPC still knows
  std::unordered_set<ServerSessionPtr> sessions_;
  std::unordered_map<model::NodeId, ServerSessionPtr> by_node_;
};

Status ServerImpl::listen() {
  set_up_grpc();
  YZ_CHECK(verify_pair(options_.server, options_.ca_pem));
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options_.ca_pem;
  tls.pem_key_cert_pairs.push_back({options_.server.key_pem, options_.server.certificate_pem});

  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second control on the port is a mistake to be told
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options_.keepalive_time.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(options_.keepalive_timeout.count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // The default, 300 s, answers our nodes' keepalive with GOAWAY too_many_pings.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddListeningPort(options_.listen, grpc::SslServerCredentials(tls), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (!server_ || port_ == 0) {
    server_.reset();
    return fail(Code::kUnavailable,
                "cannot listen on " + options_.listen + ": taken or not an address of this machine");
  }
  housekeeper_ = std::thread([this] { keep_house(); });
  return {};
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ServerImpl::Connect(grpc::CallbackServerContext* context) {
  auto session = std::make_shared<ServerSession>(*this, *context);
  session->begin();
  bool refuse = false;
  {
    const std::lock_guard lock(mutex_);
    ++calls_;
    sessions_.insert(session);
    refuse = stopping_;
  }
  if (refuse) session->close("control is stopping");
  return session.get();
}

grpc::ServerUnaryReactor* ServerImpl::Enrol(grpc::CallbackServerContext* context, const wire::pb::EnrolRequest* request,
                                            wire::pb::EnrolResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto role = wire::from_wire(request->role());
  if (!role) {
    reactor->Finish(to_grpc(role.error()));
    return reactor;
  }
  EnrolRequest enrol{request->token_secret(), {}, request->request_pem(), *role, request->name(), context->peer()};
  const auto auth = context->auth_context();
  if (enrol.token_secret.empty()) {
    const auto pem =
        auth ? auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME) : std::vector<grpc::string_ref>{};
    auto identity = pem.size() == 1 && auth->IsPeerAuthenticated()
                        ? identity_of({pem.front().data(), pem.front().size()})
                        : fail(Code::kUnauthenticated, "neither a join token nor a client certificate");
    if (!identity) {
      reactor->Finish(to_grpc(identity.error()));
      return reactor;
    }
    enrol.renewing = identity->node;
  }
  {
    const std::lock_guard lock(mutex_);
    ++calls_;
  }
  events_.on_enrol(std::move(enrol), [this, reactor, response](Result<EnrolAnswer> answer) {
    if (answer) {
      response->set_node_id(answer->node.value);
      response->set_certificate_pem(answer->certificate_pem);
      response->set_ca_pem(answer->ca_pem);
      reactor->Finish(grpc::Status::OK);
    } else {
      reactor->Finish(to_grpc(answer.error()));
    }
    call_ended();
  });
  return reactor;
}

void ServerImpl::call_ended() {
  const std::lock_guard lock(mutex_);
  --calls_;
  changed_.notify_all();
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
  old->report_closed("replaced by a newer session");
}

void ServerImpl::forget(const ServerSessionPtr& session) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(session);
  const auto it = by_node_.find(session->node());
  if (it != by_node_.end() && it->second == session) by_node_.erase(it);
  --calls_;
  changed_.notify_all();
}

std::vector<ServerSessionPtr> ServerImpl::all_sessions() const {
  const std::lock_guard lock(mutex_);
  return {sessions_.begin(), sessions_.end()};
}

void ServerImpl::keep_house() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kHousekeeping, [this] { return stopping_; })) {
    lock.unlock();
    const MonoTime now = options_.clock->mono();
    const WallTime wall = options_.clock->wall();
    for (const ServerSessionPtr& session : all_sessions()) session->check_deadlines(now, wall);
    lock.lock();
  }
}

void ServerImpl::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    changed_.notify_all();
  }
  if (housekeeper_.joinable()) housekeeper_.join();
  if (!server_) return;
  for (const ServerSessionPtr& session : all_sessions()) session->close("control is stopping");
  server_->Shutdown(std::chrono::system_clock::now() + kStopGrace);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return calls_ == 0; });
  lock.unlock();
  server_.reset();
}

}  // namespace

Result<std::unique_ptr<NodeServer>> NodeServer::start(NodeServerOptions options, NodeServerEvents& events) {
  auto server = std::make_unique<ServerImpl>(std::move(options), events);
  YZ_CHECK(server->listen());
  return Result<std::unique_ptr<NodeServer>>(std::move(server));
}

}  // namespace yz::rpc
