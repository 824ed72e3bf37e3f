#include "rpc/node_client.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "base/random.h"
#include "io/blocking_pool.h"
#include "io/reactor.h"
#include "io/waiters.h"
#include "rpc/address.h"
#include "rpc/channel.h"
#include "rpc/link.h"
#include "rpc/node_queue.h"

namespace yz::rpc {
namespace {

/// Gathered for one write.
constexpr std::size_t kMaxGathered = 64 << 10;
constexpr std::chrono::milliseconds kResolveDeadline{10'000};

/// One connection, from Hello to its end. send() and reconnect() come from any thread, all else belongs to the reactor.
class ClientSession final {
 public:
  ClientSession(const NodeClientOptions& options, NodeClientEvents& events)
      : options_(options), events_(events), queue_(options.max_queued_bytes) {}

  /// Ends with the reason.
  io::Task<Error> run(std::unique_ptr<net::TlsStream> stream, Hello hello) {
    const LinkOwner owner(link_);
    link_ = std::make_unique<Link>(std::move(stream), kMaxFrame);
    wire::pb::NodeMessage greeting;
    wire::to_wire(hello, greeting);
    extra_.push_back(wire::to_frame(FrameKind::kMessage, greeting));
    io::TaskScope beside;
    io::Reactor& reactor = io::Reactor::current();
    reactor.spawn_into(beside, write());
    reactor.spawn_into(beside, expect_welcome());
    reactor.spawn_into(beside, keep_alive());
    const Status read = co_await link_->read([this](const Frame& frame) { return take(frame); });
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
      queue_.clear();
    }
    if (fault_) co_return *fault_;
    if (!read) co_return read.error();
    co_return Error{Code::kUnavailable, Fault::kSelf, true, "control closed the connection"};
  }

  [[nodiscard]] bool send(NodeMessage message) {
    {
      const std::lock_guard lock(mutex_);
      if (!is_welcomed_ || is_over_ || !queue_.push(std::move(message))) return false;
    }
    wake_.notify_all();
    return true;
  }
  [[nodiscard]] bool is_open() const {
    const std::lock_guard lock(mutex_);
    return is_welcomed_ && !is_over_;
  }
  [[nodiscard]] bool was_welcomed() const {
    const std::lock_guard lock(mutex_);
    return is_welcomed_;
  }
  /// Ends it for `why`. On the reactor.
  void cut(Error why) {
    if (!fault_) fault_ = std::move(why);
    if (link_) link_->cut();
  }

 private:
  Status take(const Frame& frame) {
    is_pinged_ = false;
    switch (frame.kind) {
      case FrameKind::kMessage:
        return receive(frame);
      case FrameKind::kEnd: {
        YZ_TRY(Error why, wire::read_end(frame.body));
        return fail(std::move(why));
      }
      case FrameKind::kPing:
        say(wire::bare_frame(FrameKind::kPong));
        return {};
      case FrameKind::kPong:
        return {};
      case FrameKind::kEnrol:
        break;
    }
    return fail(Code::kInvalid, "an answer to an enrolment that was not asked for");
  }

  Status receive(const Frame& frame) {
    wire::pb::ControlMessage in;
    YZ_CHECK(wire::parse(frame.body, in));
    YZ_TRY(auto message, reader_.read(std::move(in)));
    if (!message) return {};
    if (const auto* welcome = std::get_if<Welcome>(&*message)) {
      {
        const std::lock_guard lock(mutex_);
        if (std::exchange(is_welcomed_, true)) return fail(Code::kInvalid, "a second Welcome");
      }
      events_.on_connected(*welcome);
      return {};
    }
    if (!was_welcomed()) return fail(Code::kInvalid, "control's first message is not Welcome");
    events_.on_message(*std::move(message));
    return {};
  }

  void say(OutFrame frame) {
    {
      const std::lock_guard lock(mutex_);
      extra_.push_back(std::move(frame));
    }
    wake_.notify_all();
  }

  io::Task<void> write() {
    for (;;) {
      const io::Waiters::Ticket ticket = wake_.ticket();
      std::vector<OutFrame> frames = next_frames();
      if (frames.empty()) {
        (void)co_await wake_.wait(ticket, io::kNoDeadline);
      } else if (!co_await link_->write(std::move(frames))) {
        link_->cut();
        co_return;
      }
    }
  }
  std::vector<OutFrame> next_frames() {
    const std::lock_guard lock(mutex_);
    std::vector<OutFrame> out = std::exchange(extra_, {});
    if (!is_welcomed_) return out;
    for (std::size_t size = 0; size < kMaxGathered;) {
      const auto frame = queue_.next();
      if (!frame) break;
      out.push_back(wire::to_frame(frame->message, frame->slice));
      size += out.back().size();
    }
    return out;
  }

  io::Task<void> expect_welcome() {
    co_await io::sleep_for(options_.welcome_timeout);
    if (!was_welcomed()) cut(Error{Code::kTimeout, Fault::kSelf, true, "control did not welcome us in time"});
  }
  /// Asks a control that is silent whether it is there, and gives it up.
  io::Task<void> keep_alive() {
    for (;;) {
      co_await io::sleep_until(link_->heard() + options_.keepalive_time);
      const MonoTime now = io::Reactor::current().now();
      if (now < link_->heard() + options_.keepalive_time) continue;
      is_pinged_ = true;
      say(wire::bare_frame(FrameKind::kPing));
      co_await io::sleep_until(now + options_.keepalive_timeout);
      if (is_pinged_) cut(Error{Code::kTimeout, Fault::kSelf, true, "control is silent"});
    }
  }

  const NodeClientOptions& options_;
  NodeClientEvents& events_;
  std::unique_ptr<Link> link_;
  wire::ControlMessageReader reader_;
  bool is_pinged_ = false;
  std::optional<Error> fault_;  // found by us, more telling than what the connection says

  mutable std::mutex mutex_;
  NodeQueue queue_;
  std::vector<OutFrame> extra_;  // before all in the queue
  bool is_welcomed_ = false;
  bool is_over_ = false;
  io::Waiters wake_;
};

class ClientImpl final : public NodeClient {
 public:
  ClientImpl(NodeClientOptions options, NodeClientEvents& events)
      : options_(std::move(options)), events_(events), identity_(options_.identity) {
    if (options_.thread == nullptr) own_thread_ = std::make_unique<io::ReactorThread>("control", io::Backend::kEpoll);
  }
  ~ClientImpl() override { stop(); }

  void run() {
    thread().reactor().post([this] {
      if (tasks_) io::Reactor::current().spawn_into(*tasks_, keep_connected());
    });
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
    const auto session = current();
    if (!session) return;
    thread().reactor().post(
        [session] { session->cut(Error{Code::kCancelled, Fault::kSelf, true, "a new session was asked for"}); });
  }
  void set_identity(NodeIdentity identity) override {
    const std::lock_guard lock(mutex_);
    identity_ = std::move(identity);
  }
  void stop() override {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(is_stopping_, true)) return;
    }
    thread().run_and_wait([this](io::Reactor&) {
      const bool was_open = is_connected();
      tasks_.reset();
      set_current(nullptr);
      if (was_open) events_.on_disconnected(Error{Code::kCancelled, Fault::kSelf, true, "stopped"});
    });
    own_thread_.reset();
  }

 private:
  io::Task<void> keep_connected() {
    std::chrono::milliseconds retry = options_.first_retry;
    for (std::size_t attempt = 0;; ++attempt) {
      const auto session = std::make_shared<ClientSession>(options_, events_);
      const Error reason = co_await attempt_session(options_.controls[attempt % options_.controls.size()], session);
      set_current(nullptr);
      const bool was_welcomed = session->was_welcomed();
      if (was_welcomed) retry = options_.first_retry;
      // The other controls first: one of them leads.
      const bool is_round_over = was_welcomed || (attempt + 1) % options_.controls.size() == 0;
      const auto wait = is_round_over ? jittered(retry) : std::chrono::milliseconds(0);
      if (was_welcomed) {
        events_.on_disconnected(reason);
      } else {
        events_.on_refused(reason, wait);
      }
      if (is_round_over) retry = std::min(retry * 2, options_.max_retry);
      co_await io::sleep_for(wait);
    }
  }

  io::Task<Error> attempt_session(std::string control, std::shared_ptr<ClientSession> session) {
    auto addresses = co_await resolve(control);
    if (!addresses) co_return addresses.error();
    NodeIdentity identity;
    {
      const std::lock_guard lock(mutex_);
      identity = identity_;
    }
    const MonoTime deadline = io::Reactor::current().in(options_.welcome_timeout);
    auto stream = co_await connect_control(control, *std::move(addresses), identity.ca_pem, identity.pair, deadline);
    if (!stream) co_return stream.error();
    set_current(session);
    co_return co_await session->run(*std::move(stream), events_.make_hello());
  }

  io::Task<Result<std::vector<Endpoint>>> resolve(std::string control) {
    YZ_CO_TRY(const HostPort where, HostPort::parse(control));
    if (IpAddress::parse(where.host)) co_return resolve_control(control);
    if (!pool_) pool_ = std::make_unique<io::BlockingPool>(io::BlockingPool::Options{.threads = 1});
    auto ask = [control] { return resolve_control(control); };
    co_return co_await pool_->run(std::move(ask), io::Reactor::current().in(kResolveDeadline));
  }

  [[nodiscard]] io::ReactorThread& thread() { return own_thread_ ? *own_thread_ : *options_.thread; }
  [[nodiscard]] std::shared_ptr<ClientSession> current() const {
    const std::lock_guard lock(mutex_);
    return session_;
  }
  void set_current(std::shared_ptr<ClientSession> session) {
    const std::lock_guard lock(mutex_);
    session_ = std::move(session);
  }
  std::chrono::milliseconds jittered(std::chrono::milliseconds base) {
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(base.count()) * (0.75 + 0.5 * random_.unit())));
  }

  const NodeClientOptions options_;
  NodeClientEvents& events_;
  std::unique_ptr<io::ReactorThread> own_thread_;

  // On the reactor:
  std::unique_ptr<io::TaskScope> tasks_ = std::make_unique<io::TaskScope>();
  std::unique_ptr<io::BlockingPool> pool_;  // for names; addresses need none
  Random random_ = Random::from_entropy();

  mutable std::mutex mutex_;
  bool is_stopping_ = false;
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
