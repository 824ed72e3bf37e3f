#include "rpc/node_client.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <grpc/grpc.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include "base/random.h"
#include "rpc/channel.h"
#include "rpc/grpc_status.h"
#include "rpc/node_queue.h"
#include "rpc/wire.h"
#include "yizhan/v1/node.grpc.pb.h"

namespace yz::rpc {
namespace {

/// One stream, from StartCall to OnDone. Created, waited for and destroyed by the client's thread.
class ClientSession final : public grpc::ClientBidiReactor<wire::pb::NodeMessage, wire::pb::ControlMessage> {
 public:
  ClientSession(std::shared_ptr<grpc::Channel> channel, NodeClientEvents& events, std::size_t max_queued_bytes)
      : stub_(std::move(channel)), events_(events), queue_(max_queued_bytes) {}

  void start(const Hello& hello) {
    wire::to_wire(hello, out_);
    writing_ = true;
    stub_.async()->Connect(&context_, this);
    AddHold();  // send() starts writes from outside gRPC's callbacks
    StartRead(&in_);
    StartWrite(&out_);
    StartCall();
  }

  bool send(NodeMessage message) {
    const std::lock_guard lock(mutex_);
    if (!welcomed_ || closing_ || !queue_.push(std::move(message))) return false;
    pump();
    return true;
  }
  [[nodiscard]] bool is_open() const {
    const std::lock_guard lock(mutex_);
    return welcomed_ && !closing_;
  }
  void cancel() { context_.TryCancel(); }

  /// True when control's Welcome or the end of the stream comes before `deadline`.
  bool wait_for_welcome(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [this] { return welcomed_ || status_.has_value(); });
  }
  /// How the stream ended, and whether it had been welcomed.
  std::pair<Error, bool> wait_for_end() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return status_.has_value(); });
    return {fault_ ? *fault_ : from_grpc(*status_), welcomed_};
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      stop_writing();
      return;
    }
    if (const Status status = receive(); !status) {
      {
        const std::lock_guard lock(mutex_);
        fault_ = status.error();
      }
      context_.TryCancel();
      stop_writing();
      return;
    }
    StartRead(&in_);
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok) pump();
  }

  void OnDone(const grpc::Status& status) override {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    status_ = status;
    changed_.notify_all();
  }

 private:
  Status receive() {
    YZ_TRY(auto message, reader_.read(std::move(in_)));
    if (!message) return {};
    if (const auto* welcome = std::get_if<Welcome>(&*message)) {
      {
        const std::lock_guard lock(mutex_);
        if (std::exchange(welcomed_, true)) return fail(Code::kInvalid, "a second Welcome");
        changed_.notify_all();
      }
      events_.on_connected(*welcome);
      return {};
    }
    {
      const std::lock_guard lock(mutex_);
      if (!welcomed_) return fail(Code::kInvalid, "control's first message is not Welcome");
    }
    events_.on_message(*std::move(message));
    return {};
  }

  void pump() {
    if (writing_ || closing_) return;
    auto frame = queue_.next();
    if (!frame) return;
    wire::to_wire(frame->message, frame->slice, out_);
    writing_ = true;
    StartWrite(&out_);
  }

  // After this nothing is written; gRPC may end the call.
  void stop_writing() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      queue_.clear();
    }
    RemoveHold();
  }

  wire::pb::NodeChannel::Stub stub_;
  NodeClientEvents& events_;
  grpc::ClientContext context_;
  wire::ControlMessageReader reader_;
  wire::pb::ControlMessage in_;
  wire::pb::NodeMessage out_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  NodeQueue queue_;
  bool writing_ = false;
  bool welcomed_ = false;
  bool closing_ = false;
  std::optional<Error> fault_;  // found by us, more telling than "cancelled"
  std::optional<grpc::Status> status_;
};

class ClientImpl final : public NodeClient {
 public:
  ClientImpl(NodeClientOptions options, NodeClientEvents& events)
      : options_(std::move(options)), events_(events), identity_(options_.identity) {}
  ~ClientImpl() override { stop(); }

  void run() {
    thread_ = std::thread([this] { keep_connected(); });
  }
  bool send(NodeMessage message) override {
    const auto session = current();
    return session && session->send(std::move(message));
  }
  [[nodiscard]] bool is_connected() const override {
    const auto session = current();
    return session && session->is_open();
  }
  void reconnect() override {
    if (const auto session = current()) session->cancel();
  }
  void set_identity(NodeIdentity identity) override {
    const std::lock_guard lock(mutex_);
    identity_ = std::move(identity);
  }
  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (session_) session_->cancel();
      wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void keep_connected() {
    std::chrono::milliseconds retry = options_.first_retry;
    for (std::size_t attempt = 0;; ++attempt) {
      const auto session = open(options_.controls[attempt % options_.controls.size()]);
      if (!session) return;
      if (!session->wait_for_welcome(std::chrono::steady_clock::now() + options_.welcome_timeout)) session->cancel();
      const auto [reason, welcomed] = session->wait_for_end();
      close();
      if (welcomed) retry = options_.first_retry;
      // The other controls first: one of them leads.
      const bool is_round_over = welcomed || (attempt + 1) % options_.controls.size() == 0;
      const auto wait = is_round_over ? jittered(retry) : std::chrono::milliseconds(0);
      if (welcomed) {
        events_.on_disconnected(reason);
      } else {
        events_.on_refused(reason, wait);
      }
      if (is_round_over) retry = std::min(retry * 2, options_.max_retry);
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, wait, [this] { return stopping_; })) return;
    }
  }

  std::shared_ptr<ClientSession> open(const std::string& control) {
    const Hello hello = events_.make_hello();
    const std::lock_guard lock(mutex_);
    if (stopping_) return nullptr;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options_.keepalive_time.count()));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(options_.keepalive_timeout.count()));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    session_ = std::make_shared<ClientSession>(make_channel(control, identity_.ca_pem, &identity_.pair, arguments),
                                               events_, options_.max_queued_bytes);
    session_->start(hello);
    return session_;
  }

  [[nodiscard]] std::shared_ptr<ClientSession> current() const {
    const std::lock_guard lock(mutex_);
    return session_;
  }
  void close() {
    const std::lock_guard lock(mutex_);
    session_ = nullptr;
  }
  std::chrono::milliseconds jittered(std::chrono::milliseconds base) {
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(base.count()) * (0.75 + 0.5 * random_.unit())));
  }

  const NodeClientOptions options_;
  NodeClientEvents& events_;
  Random random_ = Random::from_entropy();
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  NodeIdentity identity_;
  std::shared_ptr<ClientSession> session_;  // shared with send() in other threads
};

}  // namespace

std::unique_ptr<NodeClient> NodeClient::start(NodeClientOptions options, NodeClientEvents& events) {
  YZ_ASSERT(!options.controls.empty());
  auto client = std::make_unique<ClientImpl>(std::move(options), events);
  client->run();
  return client;
}

}  // namespace yz::rpc
