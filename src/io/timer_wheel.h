#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "io/list.h"

namespace yz::io {

class TimerWheel;

/// Something that wants to be called at a time. Derive, and link with TimerWheel::link; the destructor unlinks.
class TimerNode : public ListLink {
 public:
  /// Called once, after the node has left the wheel, never before its time. May link again, and may destroy the node.
  virtual void on_timer() = 0;

 protected:
  TimerNode() = default;
  virtual ~TimerNode() = default;

 private:
  friend class TimerWheel;
  std::uint64_t tick_ = 0;
};

/// Timers of one reactor: four levels of slots of 1 ms, 256 ms, 16 s and 17 min (Varghese and Lauck, scheme 7). Linking
/// and unlinking cost a few stores; a timer fires at most 1 ms late and never early. One thread.
class TimerWheel {
 public:
  explicit TimerWheel(MonoTime start) : start_(start) {}
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  /// (Re)links `node` to fire at `when`; a time that has passed fires at the next advance.
  void link(TimerNode& node, MonoTime when);
  /// Calls what is due at `now`.
  void advance(MonoTime now);
  /// Milliseconds from `now` until something may be due; 0 when something is, -1 when there is no timer.
  [[nodiscard]] int wait_ms(MonoTime now);

 private:
  static constexpr int kLevels = 4;
  static constexpr std::uint64_t kReach = 1ULL << 26;

  [[nodiscard]] std::uint64_t tick_of(MonoTime time, bool round_up) const;
  [[nodiscard]] std::uint64_t ticks_to_next() const;
  void place(TimerNode& node, std::uint64_t earliest);
  void cascade();
  void redistribute(std::size_t slot);
  void fire(std::size_t slot);

  // Level 0 has 256 slots, the others 64 each; slot numbers run through all levels. A set bit may stand for an empty
  // slot.
  std::array<ListLink, 256 + 3 * 64> slots_;
  std::array<std::uint64_t, 4 + 3> occupied_{};
  MonoTime start_;
  std::uint64_t current_ = 0;
};

}  // namespace yz::io
