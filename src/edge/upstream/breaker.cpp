#include "edge/upstream/breaker.h"

#include <algorithm>

namespace yz::edge {
namespace {

constexpr unsigned kMostCount = 127;  // 7 bits
constexpr unsigned kMostOpened = 15;  // 4 bits
constexpr std::int64_t kMostMs = (std::int64_t{1} << 40) - 1;

std::int64_t ms_of(MonoTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
MonoTime time_of(std::int64_t ms) { return MonoTime(std::chrono::milliseconds(ms)); }

}  // namespace

std::uint64_t Breaker::pack(const Word& word) {
  return static_cast<std::uint64_t>(word.state) | std::uint64_t{word.failures} << 2 |
         std::uint64_t{word.successes} << 9 | std::uint64_t{word.opened} << 16 | std::uint64_t{word.probes} << 20 |
         static_cast<std::uint64_t>(std::clamp<std::int64_t>(word.until_ms, 0, kMostMs)) << 24;
}

Breaker::Word Breaker::unpack(std::uint64_t bits) {
  const auto field = [bits](unsigned at, unsigned width) {
    return static_cast<unsigned>(bits >> at & ((1U << width) - 1));
  };
  Word word;
  word.state = static_cast<State>(field(0, 2));
  word.failures = field(2, 7);
  word.successes = field(9, 7);
  word.opened = field(16, 4);
  word.probes = field(20, 4);
  word.until_ms = static_cast<std::int64_t>(bits >> 24);
  return word;
}

/// Applies `change` to the word until no other thread came between. It returns false to leave things as they are.
template <typename Change>
void Breaker::change(Change&& change) {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    Word word = unpack(seen);
    if (!change(word)) return;
    if (word_.compare_exchange_weak(seen, pack(word), std::memory_order_acq_rel, std::memory_order_relaxed)) return;
  }
}

void Breaker::open(Word& word, const BreakerRules& rules, std::int64_t now_ms) {
  const std::int64_t time =
      std::min<std::int64_t>(rules.open_time.count() << word.opened, rules.longest_open_time.count());
  word.state = State::kOpen;
  word.failures = word.successes = word.probes = 0;
  word.opened = std::min(word.opened + 1, kMostOpened);
  word.until_ms = now_ms + time;
}

bool Breaker::admits(MonoTime now) const {
  const Word word = unpack(word_.load(std::memory_order_acquire));
  switch (word.state) {
    case State::kClosed:
      return true;
    case State::kOpen:
      return ms_of(now) >= word.until_ms;
    case State::kHalfOpen:
      return word.probes == 0;
  }
  return false;
}

Breaker::Entry Breaker::enter(MonoTime now) {
  Entry entry = Entry::kNo;
  const std::int64_t now_ms = ms_of(now);
  change([&](Word& word) {
    entry = Entry::kNo;
    if (word.state == State::kClosed) {
      entry = Entry::kYes;
      return false;
    }
    if (word.state == State::kOpen && now_ms < word.until_ms) return false;
    if (word.state == State::kHalfOpen && word.probes > 0) return false;
    word.state = State::kHalfOpen;
    word.probes = 1;
    entry = Entry::kProbe;
    return true;
  });
  return entry;
}

void Breaker::succeeded(const BreakerRules& rules, MonoTime now, bool was_probe) {
  change([&](Word& word) {
    if (word.state == State::kClosed) {
      if (word.failures == 0) return false;
      word.failures = 0;
      return true;
    }
    if (was_probe) word.probes = 0;
    word.successes = std::min(word.successes + 1, kMostCount);
    if (word.successes < rules.rise) return true;
    recovered_ms_.store(ms_of(now), std::memory_order_relaxed);
    word = Word();
    return true;
  });
}

void Breaker::failed(const BreakerRules& rules, MonoTime now, bool was_probe) {
  change([&](Word& word) {
    switch (word.state) {
      case State::kClosed:
        word.failures = std::min(word.failures + 1, kMostCount);
        if (word.failures >= rules.fall) open(word, rules, ms_of(now));
        return true;
      case State::kHalfOpen:
        // A request from before the breaker opened says nothing new; the probe does.
        if (!was_probe) return false;
        open(word, rules, ms_of(now));
        return true;
      case State::kOpen:
        word.successes = 0;
        return true;
    }
    return false;
  });
}

void Breaker::gave_up(bool was_probe) {
  if (!was_probe) return;
  change([](Word& word) {
    if (word.state != State::kHalfOpen) return false;
    word.probes = 0;
    return true;
  });
}

void Breaker::note_answer(const BreakerRules& rules, MonoTime now, bool is_server_error) {
  const auto number = static_cast<std::uint32_t>(ms_of(now) / kWindow.count());
  std::uint64_t seen = window_.load(std::memory_order_relaxed);
  for (;;) {
    const bool is_same = static_cast<std::uint32_t>(seen >> 32) == number;
    std::uint64_t answers = is_same ? seen >> 16 & 0xffff : 0;
    std::uint64_t errors = is_same ? seen & 0xffff : 0;
    if (answers == 0xffff) {  // keeps the ratio, forgets the number
      answers /= 2;
      errors /= 2;
    }
    ++answers;
    errors += is_server_error ? 1 : 0;
    const bool is_bad = is_server_error && answers >= kWindowLeast && errors * 2 >= answers;
    const std::uint64_t next = std::uint64_t{number} << 32 | (is_bad ? 0 : answers << 16 | errors);
    if (!window_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) continue;
    if (!is_bad) return;
    return change([&](Word& word) {
      if (word.state != State::kClosed) return false;
      open(word, rules, ms_of(now));
      return true;
    });
  }
}

Breaker::State Breaker::state() const { return unpack(word_.load(std::memory_order_acquire)).state; }

MonoTime Breaker::opens_until() const {
  const Word word = unpack(word_.load(std::memory_order_acquire));
  return word.state == State::kOpen ? time_of(word.until_ms) : MonoTime();
}

MonoTime Breaker::recovered_at() const {
  const std::int64_t ms = recovered_ms_.load(std::memory_order_relaxed);
  return ms == 0 ? MonoTime() : time_of(ms);
}

}  // namespace yz::edge
