#include "bus/nats_bus.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "bus/nats_link.h"
#include "bus/record.h"
#include "bus/topic_name.h"

namespace yz::bus {
namespace {

constexpr std::chrono::milliseconds kRetry{250};  // after the server did not answer
constexpr std::int64_t kListenMs = 100;           // for the next message, before a look whether to stop
constexpr int kQuietListens = 20;                 // then the server is asked whether messages were missed

/// A dot would part the words of a subject.
std::string stream_of(std::string_view topic) {
  std::string out = "yizhan_" + std::string(topic);
  std::ranges::replace(out, '.', '=');
  return out;
}

/// Follows a stream on a thread of its own; begins anew, where it was, whenever something is not as it should be.
class Following final : public Subscription {
 public:
  Following(NatsLink& link, std::string stream, Offset from, Bus::Callback callback)
      : link_(link),
        stream_(std::move(stream)),
        next_(std::max(from, Offset{1})),
        callback_(std::move(callback)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (const auto subscription = begin(); subscription && *subscription) {
        listen(**subscription, stop);
        continue;
      }
      std::unique_lock lock(mutex_);
      pause_.wait_for(lock, stop, kRetry, [] { return false; });
    }
  }

  /// Null: there is no stream any more.
  Result<NatsSubscription> begin() {
    YZ_TRY(NatsSubscription subscription, link_.consume(stream_, next_));
    YZ_TRY(const NatsLink::Stream now, link_.find(stream_));
    if (created_ != 0 && now.created != created_) {
      log::warn("bus: the stream {} was lost and begins anew", stream_);
      next_ = Offset{1};
      created_ = now.created;
      return begin();
    }
    created_ = now.created;
    if (now.created == 0) subscription.reset();
    return subscription;
  }

  /// Until the stop, or until it is better to begin anew.
  void listen(natsSubscription& subscription, const std::stop_token& stop) {
    int quiet = 0;
    while (!stop.stop_requested()) {
      natsMsg* got = nullptr;
      const natsStatus status = natsSubscription_NextMsg(&got, &subscription, kListenMs);
      if (status == NATS_TIMEOUT) {
        if (++quiet % kQuietListens == 0 && has_missed()) return;
        continue;
      }
      if (status != NATS_OK) return;  // no sign of life from the server, or none of the consumer
      quiet = 0;
      const NatsMessage message(got);
      if (!deliver(*message)) return;
    }
  }

  /// The server has messages that did not come (it was killed before they were sent), or another stream.
  bool has_missed() {
    const auto now = link_.find(stream_);
    return now && (now->created != created_ || now->last >= next_);
  }

  /// False when messages are missing before this one that the server still has.
  bool deliver(natsMsg& message) {
    jsMsgMetaData* made = nullptr;
    if (natsMsg_GetMetaData(&made, &message) != NATS_OK) return true;
    const std::unique_ptr<jsMsgMetaData, Freed<jsMsgMetaData_Destroy>> data(made);
    const Offset offset{data->Sequence.Stream};
    if (offset < next_) return true;
    if (offset > next_ && asked_again_for_ != next_) {
      const auto now = link_.find(stream_);
      if (!now) return false;
      asked_again_for_ = next_;  // once: an operator may have removed a message
      if (now->first < offset) return false;
    }
    callback_({offset, {natsMsg_GetData(&message), static_cast<std::size_t>(natsMsg_GetDataLength(&message))}});
    next_ = Offset{offset.value + 1};
    return true;
  }

  NatsLink& link_;
  const std::string stream_;
  Offset next_;
  Offset asked_again_for_;
  std::int64_t created_ = 0;  // when the stream was that is followed
  const Bus::Callback callback_;
  std::mutex mutex_;
  std::condition_variable_any pause_;
  std::jthread thread_;  // last: stops and joins first
};

}  // namespace

NatsBus::NatsBus(std::unique_ptr<NatsLink> link) : link_(std::move(link)) {}
NatsBus::~NatsBus() = default;

Status NatsBus::check_url(std::string_view url) {
  const std::string_view scheme = url.starts_with("tls://") ? "tls://" : "nats://";
  for (const std::string_view one : split(url, ',')) {
    if (!one.starts_with(scheme) || one.size() == scheme.size()) {
      return fail(
          Code::kInvalid,
          "bus URL: expected 'nats://[USER:PASSWORD@]HOST:PORT', or 'tls://…'; several after commas, all alike");
    }
  }
  return {};
}

Result<std::unique_ptr<NatsBus>> NatsBus::open(std::string_view url, const NatsTls& tls) {
  YZ_CHECK(check_url(url));
  YZ_TRY(auto link, NatsLink::open(std::string(url), tls));
  return std::unique_ptr<NatsBus>(new NatsBus(std::move(link)));
}

Result<Offset> NatsBus::publish(std::string_view topic, std::string_view bytes) {
  YZ_CHECK(check_topic_name(topic));
  if (bytes.size() > kMaxMessage) return fail(Code::kLimit, "a message of more than 4 MiB");
  return link_->publish(stream_of(topic), bytes);
}

Result<std::unique_ptr<Subscription>> NatsBus::subscribe(std::string_view topic, Offset from, Callback callback) {
  YZ_CHECK(check_topic_name(topic));
  return std::make_unique<Following>(*link_, stream_of(topic), from, std::move(callback));
}

Result<Offset> NatsBus::head(std::string_view topic) {
  YZ_CHECK(check_topic_name(topic));
  YZ_TRY(const NatsLink::Stream now, link_->find(stream_of(topic)));
  return now.last;
}

Result<Offset> NatsBus::oldest(std::string_view topic) {
  YZ_CHECK(check_topic_name(topic));
  YZ_TRY(const NatsLink::Stream now, link_->find(stream_of(topic)));
  return now.first;
}

}  // namespace yz::bus
