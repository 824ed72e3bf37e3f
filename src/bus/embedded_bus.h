#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "bus/bus.h"
#include "bus/topic_log.h"

namespace yz::bus {

/// A bus inside one process, kept on disk: one folder per topic (docs/formats/bus-log.md). A published message survives
/// the process; with `sync_each` also a power cut. Each subscription has a thread of its own.
class EmbeddedBus final : public Bus {
 public:
  /// Opens the folder, made when missing. Fails with kUnavailable when another process has it open. `clock` must
  /// outlive the bus, and the bus its subscriptions.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedBus>> open(std::filesystem::path folder,
                                                                 RetentionOptions options = {},
                                                                 const Clock& clock = SystemClock::instance());

  Result<Offset> publish(std::string_view topic, std::string_view bytes) override;
  Result<std::unique_ptr<Subscription>> subscribe(std::string_view topic, Offset from, Callback callback) override;
  [[nodiscard]] bool is_shared() const override { return false; }
  Result<Offset> head(std::string_view topic) override;
  Result<Offset> oldest(std::string_view topic) override;

 private:
  EmbeddedBus(std::filesystem::path folder, RetentionOptions options, const Clock& clock, UniqueFd lock);
  Result<TopicLog*> topic(std::string_view name);

  const std::filesystem::path folder_;
  const RetentionOptions options_;
  const Clock& clock_;
  const UniqueFd lock_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<TopicLog>, std::less<>> topics_;
};

}  // namespace yz::bus
