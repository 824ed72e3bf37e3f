#include "delayed_client.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace yz::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kRoundTripsToASession = 3;

class DelayedClient final : public rpc::NodeClient, public rpc::NodeClientEvents {
 public:
  DelayedClient(rpc::NodeClientEvents& events, Post& post, PathDelay delay)
      : events_(events), post_(post), delay_(delay) {}
  ~DelayedClient() override { stop(); }

  void start(rpc::NodeClientOptions options) { client_ = rpc::NodeClient::start(std::move(options), *this); }

  bool send(rpc::NodeMessage message) override {
    if (!is_here_) return false;
    post_.at(steady_clock::now() + delay_.up,
             [this, held = std::move(message)]() mutable { client_->send(std::move(held)); });
    return true;
  }
  [[nodiscard]] bool is_connected() const override { return is_here_; }
  void reconnect() override { client_->reconnect(); }
  void set_identity(rpc::NodeIdentity identity) override { client_->set_identity(std::move(identity)); }
  void stop() override {
    if (client_) client_->stop();
  }

  rpc::Hello make_hello() override { return events_.make_hello(); }
  void on_refused(const Error& reason, std::chrono::milliseconds retry_in) override {
    events_.on_refused(reason, retry_in);
  }
  void on_connected(const rpc::Welcome& welcome) override {
    begun_ = steady_clock::now() + kRoundTripsToASession * delay_.round_trip();
    post_.at(begun_, [this, welcome] {
      is_here_ = true;
      events_.on_connected(welcome);
    });
  }
  void on_message(rpc::ControlMessage message) override {
    post_.at(arrival(), [this, held = std::move(message)]() mutable { events_.on_message(std::move(held)); });
  }
  void on_disconnected(const Error& reason) override {
    post_.at(arrival(), [this, reason] {
      is_here_ = false;
      events_.on_disconnected(reason);
    });
  }

 private:
  /// Of what control says now: not before the session is known.
  [[nodiscard]] Post::Time arrival() const { return std::max(begun_, steady_clock::now() + delay_.down); }

  rpc::NodeClientEvents& events_;
  Post& post_;
  const PathDelay delay_;
  Post::Time begun_;  // of the client's calls, one at a time
  std::atomic<bool> is_here_{false};
  std::unique_ptr<rpc::NodeClient> client_;
};

}  // namespace

Post::~Post() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Post::at(Time time, std::function<void()> deed) {
  const std::lock_guard lock(mutex_);
  const bool is_next = items_.empty() || time < items_.top().time;
  items_.push({time, ++given_, std::move(deed)});
  if (is_next) changed_.notify_one();
}

void Post::run() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    if (items_.empty()) {
      changed_.wait(lock);
    } else if (const Time next = items_.top().time; next > steady_clock::now()) {
      changed_.wait_until(lock, next);
    } else {
      const std::function<void()> deed = items_.top().deed;
      items_.pop();
      lock.unlock();
      deed();
      lock.lock();
    }
  }
}

std::unique_ptr<rpc::NodeClient> start_delayed(rpc::NodeClientOptions options, rpc::NodeClientEvents& events,
                                               Post& post, PathDelay delay) {
  auto client = std::make_unique<DelayedClient>(events, post, delay);
  client->start(std::move(options));
  return client;
}

}  // namespace yz::bench
