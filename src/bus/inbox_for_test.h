#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/bus.h"

namespace yz::bus {

/// Collects what a subscription delivers; waits by condition, not by time.
class Inbox {
 public:
  Bus::Callback callback() {
    return [this](const Message& message) {
      const std::lock_guard lock(mutex_);
      messages_.emplace_back(message.offset.value, std::string(message.bytes));
      changed_.notify_all();
    };
  }
  std::vector<std::pair<std::uint64_t, std::string>> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return messages_.size() >= count; });
    return messages_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<std::uint64_t, std::string>> messages_;
};

/// Everything a topic keeps from an offset on.
inline std::vector<std::pair<std::uint64_t, std::string>> read_all(Bus& bus, std::string_view topic,
                                                                   Offset from = {1}) {
  const auto head = bus.head(topic)->value;
  const auto oldest = std::max(bus.oldest(topic)->value, from.value);
  Inbox inbox;
  auto subscription = bus.subscribe(topic, from, inbox.callback());
  return inbox.wait_for(head + 1 - oldest);
}

}  // namespace yz::bus
