#include "bus/nats_link.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"

namespace yz::bus {
namespace {

constexpr std::int64_t kAnswerMs = 2'000;    // of the server, to one request
constexpr std::int64_t kReconnectMs = 250;   // between two tries
constexpr std::int64_t kPingMs = 2'000;      // a server that does not answer two of them is gone
constexpr std::chrono::seconds kSilence{3};  // after a request without an answer
constexpr std::int64_t kHeartbeatNs = 500'000'000;
constexpr std::int64_t kForgetNs = 30'000'000'000;  // a consumer nobody listens to
constexpr std::int64_t kKeepAgeNs = 7LL * 24 * 3600 * 1'000'000'000;
constexpr std::int64_t kKeepBytes = 1LL << 30;

using Options = std::unique_ptr<natsOptions, Freed<natsOptions_Destroy>>;
using StreamInfo = std::unique_ptr<jsStreamInfo, Freed<jsStreamInfo_Destroy>>;
using PublishAck = std::unique_ptr<jsPubAck, Freed<jsPubAck_Destroy>>;

tl::unexpected<Error> nats_failed(std::string_view what, natsStatus status) {
  const Code code = status == NATS_TIMEOUT ? Code::kTimeout : Code::kUnavailable;
  return fail(code, fmt::format("bus: {}: {}", what, natsStatus_GetText(status)));
}

Result<Options> options_for(const std::string& url) {
  natsOptions* made = nullptr;
  if (natsOptions_Create(&made) != NATS_OK) return fail(Code::kInternal, "bus: no memory");
  Options options(made);
  std::vector<std::string> urls;
  for (const std::string_view one : split(url, ',')) urls.emplace_back(one);
  std::vector<const char*> servers;
  servers.reserve(urls.size());
  for (const std::string& one : urls) servers.push_back(one.c_str());
  if (natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())) != NATS_OK) {
    return fail(Code::kInvalid, "bus URL: expected 'nats://[USER:PASSWORD@]HOST:PORT'");
  }
  natsOptions_SetName(made, "yizhan");
  natsOptions_SetTimeout(made, kAnswerMs);
  natsOptions_SetMaxReconnect(made, -1);
  natsOptions_SetReconnectWait(made, kReconnectMs);
  natsOptions_SetPingInterval(made, kPingMs);
  natsOptions_SetMaxPingsOut(made, 2);
  natsOptions_SetSendAsap(made, true);
  natsOptions_SetFailRequestsOnDisconnect(made, true);
  const auto connected = [](natsConnection* /*connection*/, void* /*closure*/) {};
  natsOptions_SetRetryOnFailedConnect(made, true, connected, nullptr);  // with a callback it does not block
  const auto tell = [](natsConnection* /*connection*/, natsSubscription* /*subscription*/, natsStatus status,
                       void* /*closure*/) { log::debug("bus: {}", natsStatus_GetText(status)); };
  natsOptions_SetErrorHandler(made, tell, nullptr);
  return options;
}

}  // namespace

Result<std::unique_ptr<NatsLink>> NatsLink::open(const std::string& url) {
  YZ_TRY(const Options options, options_for(url));
  std::unique_ptr<NatsLink> link(new NatsLink);
  natsStatus status = natsConnection_Connect(&link->connection_, options.get());
  if (status != NATS_OK && status != NATS_NOT_YET_CONNECTED) return nats_failed("connecting", status);
  jsOptions js{};
  jsOptions_Init(&js);
  js.Wait = kAnswerMs;
  status = natsConnection_JetStream(&link->js_, link->connection_, &js);
  if (status != NATS_OK) return nats_failed("JetStream", status);
  return link;
}

NatsLink::~NatsLink() {
  jsCtx_Destroy(js_);
  natsConnection_Destroy(connection_);
}

Status NatsLink::check_connected() const {
  if (natsConnection_Status(connection_) == NATS_CONN_STATUS_CONNECTED) return {};
  return fail(Code::kUnavailable, "bus: no NATS server answers");
}

Result<NatsLink::Stream> NatsLink::find(const std::string& stream) {
  YZ_CHECK(check_connected());
  jsStreamInfo* found = nullptr;
  jsErrCode error{};
  const natsStatus status = js_GetStreamInfo(&found, js_, stream.c_str(), nullptr, &error);
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
    const natsStatus status = js_AddStream(nullptr, js_, &config, nullptr, &error);
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
  YZ_CHECK(check_connected());
  if (static_cast<std::int64_t>(bytes.size()) > natsConnection_GetMaxPayload(connection_)) {
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
    status = js_Publish(&made, js_, stream.c_str(), bytes.data(), static_cast<int>(bytes.size()), nullptr, &error);
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
  YZ_CHECK(check_connected());
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
  const natsStatus status = js_SubscribeSync(&made, js_, stream.c_str(), nullptr, &options, &error);
  if (status != NATS_OK) {
    forget(stream);
    return nats_failed("subscribing", status);
  }
  NatsSubscription subscription(made);
  natsSubscription_SetPendingLimits(made, -1, -1);  // flow control holds the server back
  return subscription;
}

}  // namespace yz::bus
