#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace yz::edge {

/// How a Breaker judges.
struct BreakerRules {
  unsigned fall = 3;                                    ///< failures in a row that open it, 1 to 127
  unsigned rise = 2;                                    ///< successes in a row that close it, 1 to 127
  std::chrono::milliseconds open_time{1000};            ///< at first; doubled at each failed return
  std::chrono::milliseconds longest_open_time{30'000};  ///< at last
};

/// A circuit breaker: keeps requests away from a server that fails, lets one at a time try it when its time is over,
/// and closes again when they succeed (Nygard, Release It!, 5.2). It opens after `fall` failures in a row, or when half
/// of at least kWindowLeast answers of one window were server errors. All its state is in two words changed by
/// compare-and-swap: any thread, no lock, no clock of its own.
class Breaker {
 public:
  enum class State : std::uint8_t {
    kClosed,    ///< all requests pass
    kOpen,      ///< none passes
    kHalfOpen,  ///< one at a time passes
  };
  enum class Entry : std::uint8_t {
    kNo,
    kYes,
    kProbe,  ///< yes, and others wait for what becomes of it: tell succeeded(), failed() or gave_up()
  };

  static constexpr std::chrono::milliseconds kWindow{10'000};
  static constexpr unsigned kWindowLeast = 20;

  /// Asks to send one request.
  [[nodiscard]] Entry enter(MonoTime now);
  /// True when enter() would say other than kNo.
  [[nodiscard]] bool admits(MonoTime now) const;
  /// The request was answered. `was_probe` as enter() told.
  void succeeded(const BreakerRules& rules, MonoTime now, bool was_probe);
  /// It was not: refused, timed out, not understood.
  void failed(const BreakerRules& rules, MonoTime now, bool was_probe);
  /// A probe that was neither: the one who asked left.
  void gave_up(bool was_probe);
  /// Counts an answer for the share of server errors.
  void note_answer(const BreakerRules& rules, MonoTime now, bool is_server_error);

  [[nodiscard]] State state() const;
  /// When an open breaker lets a request try again; the past when it is not open.
  [[nodiscard]] MonoTime opens_until() const;
  /// When it last closed after having been open; MonoTime() when it never was.
  [[nodiscard]] MonoTime recovered_at() const;

 private:
  /// One word: everything a transition reads and writes together.
  struct Word {
    State state = State::kClosed;
    unsigned failures = 0;   // in a row
    unsigned successes = 0;  // in a row, while not closed
    unsigned opened = 0;     // times in a row
    unsigned probes = 0;     // on their way
    std::int64_t until_ms = 0;
  };
  [[nodiscard]] static std::uint64_t pack(const Word& word);
  [[nodiscard]] static Word unpack(std::uint64_t bits);
  static void open(Word& word, const BreakerRules& rules, std::int64_t now_ms);
  template <typename Change>
  void change(Change&& change);

  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::uint64_t> window_{0};  // number 32, answers 16, server errors 16
  std::atomic<std::int64_t> recovered_ms_{0};
};

}  // namespace yz::edge
