#include "bus/nats_link.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"

namespace yz::bus {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};    // whether the connection still stands
constexpr std::chrono::milliseconds kRetry{250};        // between two attempts at another
constexpr std::chrono::milliseconds kFirstWait{2'000};  // for the first attempt, before open() returns
constexpr std::chrono::seconds kSilence{3};             // after a request without an answer
constexpr std::int64_t kHeartbeatNs = 500'000'000;
constexpr std::int64_t kForgetNs = 30'000'000'000;  // a consumer nobody listens to
constexpr std::int64_t kKeepAgeNs = 7LL * 24 * 3600 * 1'000'000'000;
constexpr std::int64_t kKeepBytes = 1LL << 30;

using StreamInfo = std::unique_ptr<jsStreamInfo, Freed<jsStreamInfo_Destroy>>;
using PublishAck = std::unique_ptr<jsPubAck, Freed<jsPubAck_Destroy>>;

}  // namespace

Result<std::unique_ptr<NatsLink>> NatsLink::open(const std::string& url, const NatsTls& tls) {
  YZ_TRY(NatsOptions options, nats_options(url, tls));
  std::unique_ptr<NatsLink> link(new NatsLink(std::move(options)));
  std::unique_lock lock(link->mutex_);
  link->changed_.wait_for(lock, kFirstWait, [&] { return link->has_tried_; });
  return link;
}

NatsLink::NatsLink(NatsOptions options)
    : options_(std::move(options)), keeper_([this](const std::stop_token& stop) { keep_connected(stop); }) {}

/// Makes a session whenever none stands. Not by the library's own reconnecting: that gives up for good when the first
/// server that accepts does not go on (it hangs, its certificate is not trusted), or refuses a password twice.
void NatsLink::keep_connected(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (session_ && session_->is_connected()) {
      changed_.wait_for(lock, stop, kLookEvery, [] { return false; });
      continue;
    }
    lock.unlock();
    auto made = NatsSession::connect(options_.get());
    lock.lock();
    has_tried_ = true;
    if (made) {
      if (!trouble_.empty()) log::info("bus: NATS is reached");
      trouble_.clear();
      session_ = *std::move(made);
    } else {
      if (made.error().message != trouble_) log::warn("{}", made.error().message);
      trouble_ = std::move(made).error().message;
    }
    changed_.notify_all();
    if (!trouble_.empty()) changed_.wait_for(lock, stop, kRetry, [] { return false; });
  }
}

Result<std::shared_ptr<NatsSession>> NatsLink::session() const {
  const std::lock_guard lock(mutex_);
  if (session_ && session_->is_connected()) return session_;
  return fail(Code::kUnavailable, trouble_.empty() ? "bus: no NATS server answers" : trouble_);
}

Result<NatsLink::Stream> NatsLink::find(const std::string& stream) {
  YZ_TRY(const auto now, session());
  jsStreamInfo* found = nullptr;
  jsErrCode error{};
  const natsStatus status = js_GetStreamInfo(&found, now->js(), stream.c_str(), nullptr, &error);
  if (status == NATS_NOT_FOUND) return Stream{};
  if (status != NATS_OK) return nats_failed("looking at " + stream, status);
  const StreamInfo info(found);
  return Stream{info->Created, Offset{std::max<std::uint64_t>(info->State.FirstSeq, 1)}, Offset{info->State.LastSeq}};
}

Status NatsLink::ensure(const std::string& stream) {
  {
    const std::lock_guard lock(mutex_);
    if (known_.contains(stream)) return {};
  }
  YZ_TRY(const auto now, session());
  YZ_TRY(const Stream present, find(stream));
  if (present.created == 0) {
    jsStreamConfig config{};
    jsStreamConfig_Init(&config);
    const char* subject = stream.c_str();
    config.Name = stream.c_str();
    config.Subjects = &subject;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.MaxAge = kKeepAgeNs;
    config.MaxBytes = kKeepBytes;
    config.Discard = js_DiscardOld;
    jsErrCode error{};
    const natsStatus status = js_AddStream(nullptr, now->js(), &config, nullptr, &error);
    if (status != NATS_OK && error != JSStreamNameExistErr) return nats_failed("making " + stream, status);
  }
  const std::lock_guard lock(mutex_);
  known_.insert(stream);
  return {};
}

void NatsLink::forget(const std::string& stream) {
  const std::lock_guard lock(mutex_);
  known_.erase(stream);
}

Result<Offset> NatsLink::publish(const std::string& stream, std::string_view bytes) {
  YZ_TRY(const auto now, session());
  if (static_cast<std::int64_t>(bytes.size()) > natsConnection_GetMaxPayload(now->connection())) {
    return fail(Code::kLimit, fmt::format("bus: {} bytes are more than the NATS server takes", bytes.size()));
  }
  if (SystemClock::instance().mono() < silent_until_.load(std::memory_order_relaxed)) {
    return fail(Code::kUnavailable, "bus: NATS did not answer a moment ago");
  }
  natsStatus status = NATS_OK;
  for (int tries = 0; tries < 2; ++tries) {
    YZ_CHECK(ensure(stream));
    jsPubAck* made = nullptr;
    jsErrCode error{};
    status =
        js_Publish(&made, now->js(), stream.c_str(), bytes.data(), static_cast<int>(bytes.size()), nullptr, &error);
    if (status == NATS_OK) {
      const PublishAck ack(made);
      return Offset{ack->Sequence};
    }
    forget(stream);
    if (status != NATS_NO_RESPONDERS) break;  // else nobody has the subject: the stream was lost, and is made anew
  }
  if (status == NATS_TIMEOUT) silent_until_.store(SystemClock::instance().mono() + kSilence);
  return nats_failed("publishing", status);
}

Result<NatsSubscription> NatsLink::consume(const std::string& stream, Offset from) {
  YZ_TRY(const auto now, session());
  YZ_CHECK(ensure(stream));
  jsSubOptions options{};
  jsSubOptions_Init(&options);
  options.Stream = stream.c_str();
  options.Config.DeliverPolicy = js_DeliverByStartSequence;
  options.Config.OptStartSeq = from.value;
  options.Config.AckPolicy = js_AckNone;
  options.Config.FlowControl = true;
  options.Config.Heartbeat = kHeartbeatNs;
  options.Config.InactiveThreshold = kForgetNs;
  natsSubscription* made = nullptr;
  jsErrCode error{};
  const natsStatus status = js_SubscribeSync(&made, now->js(), stream.c_str(), nullptr, &options, &error);
  if (status != NATS_OK) {
    forget(stream);
    return nats_failed("subscribing", status);
  }
  NatsSubscription subscription(made);
  natsSubscription_SetPendingLimits(made, -1, -1);  // flow control holds the server back
  return subscription;
}

}  // namespace yz::bus
