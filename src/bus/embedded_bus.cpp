#include "bus/embedded_bus.h"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/log.h"
#include "bus/topic_name.h"

namespace yz::bus {
namespace {

class LogSubscription final : public Subscription {
 public:
  LogSubscription(const TopicLog& log, std::string topic, Offset from, Bus::Callback callback)
      : thread_([&log, topic = std::move(topic), from, callback = std::move(callback)](std::stop_token stop) {
          follow(log, topic, from, callback, std::move(stop));
        }) {}

 private:
  static void follow(const TopicLog& log, const std::string& topic, Offset from, const Bus::Callback& callback,
                     std::stop_token stop) {
    LogReader reader(log, std::max(from, Offset{1}));
    while (!stop.stop_requested()) {
      const auto record = reader.next();
      if (!record) {
        log::error("bus: the subscription of '{}' ends before offset {}: {}", topic, reader.position().value,
                   record.error().message);
        return;
      }
      if (*record)
        callback({.offset = (*record)->offset, .bytes = (*record)->bytes});
      else
        log.wait_beyond(Offset{reader.position().value - 1}, stop);
    }
  }

  std::jthread thread_;  // asks to stop and joins when it goes
};

}  // namespace

EmbeddedBus::EmbeddedBus(std::filesystem::path folder, RetentionOptions options, const Clock& clock, UniqueFd lock)
    : folder_(std::move(folder)), options_(options), clock_(clock), lock_(std::move(lock)) {}

Result<std::unique_ptr<EmbeddedBus>> EmbeddedBus::open(std::filesystem::path folder, RetentionOptions options,
                                                       const Clock& clock) {
  YZ_CHECK(make_folder(folder));
  const std::filesystem::path lock_path = folder / ".lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock) return fail_errno(fmt::format("cannot open '{}'", lock_path.native()), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable, fmt::format("another process has the bus in '{}' open", folder.native()));
  }
  return std::unique_ptr<EmbeddedBus>(new EmbeddedBus(std::move(folder), options, clock, std::move(lock)));
}

Result<TopicLog*> EmbeddedBus::topic(std::string_view name) {
  YZ_CHECK(check_topic_name(name));
  const std::lock_guard lock(mutex_);
  if (const auto known = topics_.find(name); known != topics_.end()) return known->second.get();
  YZ_TRY(auto log, TopicLog::open(folder_ / name, options_, clock_));
  return topics_.emplace(name, std::move(log)).first->second.get();
}

Result<Offset> EmbeddedBus::publish(std::string_view topic_name, std::string_view bytes) {
  YZ_TRY(TopicLog * log, topic(topic_name));
  return log->append(bytes);
}

Result<std::unique_ptr<Subscription>> EmbeddedBus::subscribe(std::string_view topic_name, Offset from,
                                                             Callback callback) {
  YZ_TRY(const TopicLog* log, topic(topic_name));
  return std::make_unique<LogSubscription>(*log, std::string(topic_name), from, std::move(callback));
}

Result<Offset> EmbeddedBus::head(std::string_view topic_name) {
  YZ_TRY(const TopicLog* log, topic(topic_name));
  return log->head();
}

Result<Offset> EmbeddedBus::oldest(std::string_view topic_name) {
  YZ_TRY(const TopicLog* log, topic(topic_name));
  return log->oldest();
}

}  // namespace yz::bus
