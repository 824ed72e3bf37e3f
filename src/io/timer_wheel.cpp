#include "io/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace yz::io {

namespace {

/// Circular distance (0 to 63) from bit `from` to the next set bit of `word`; 64 when there is none.
unsigned distance(std::uint64_t word, unsigned from) {
  return static_cast<unsigned>(std::countr_zero(std::rotr(word, static_cast<int>(from))));
}

}  // namespace

TimerWheel::~TimerWheel() {
  for (ListLink& slot : slots_) {
    while (slot.is_linked()) slot.next->unlink();
  }
}

std::uint64_t TimerWheel::tick_of(MonoTime time, bool round_up) const {
  if (time <= start_) return 0;
  const auto since = time - start_;
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(since);
  const bool add = round_up && whole != since;
  return static_cast<std::uint64_t>(whole.count()) + (add ? 1 : 0);
}

void TimerWheel::link(TimerNode& node, MonoTime when) {
  node.unlink();
  node.tick_ = tick_of(when, true);
  place(node, current_ + 1);
}

void TimerWheel::place(TimerNode& node, std::uint64_t earliest) {
  const std::uint64_t tick = std::clamp(node.tick_, earliest, current_ + kReach - 1);
  const std::uint64_t delta = tick - current_;
  std::size_t slot = 0;
  if (delta < 1U << 8) {
    slot = tick & 255;
  } else if (delta < 1U << 14) {
    slot = 256 + (tick >> 8 & 63);
  } else if (delta < 1U << 20) {
    slot = 320 + (tick >> 14 & 63);
  } else {
    slot = 384 + (tick >> 20 & 63);
  }
  node.append_to(slots_[slot]);
  occupied_[slot / 64] |= 1ULL << (slot % 64);
}

void TimerWheel::redistribute(std::size_t slot) {
  occupied_[slot / 64] &= ~(1ULL << (slot % 64));
  ListLink moving;
  moving.splice(slots_[slot]);
  while (moving.is_linked()) {
    auto& node = static_cast<TimerNode&>(*moving.next);
    node.unlink();
    place(node, current_);
  }
}

// Called when current_ enters a new block of 256 ticks, before the slot of that tick fires.
void TimerWheel::cascade() {
  if ((current_ & ((1U << 20) - 1)) == 0) redistribute(384 + (current_ >> 20 & 63));
  if ((current_ & ((1U << 14) - 1)) == 0) redistribute(320 + (current_ >> 14 & 63));
  redistribute(256 + (current_ >> 8 & 63));
}

void TimerWheel::fire(std::size_t slot) {
  occupied_[slot / 64] &= ~(1ULL << (slot % 64));
  ListLink due;
  due.splice(slots_[slot]);
  while (due.is_linked()) {
    auto& node = static_cast<TimerNode&>(*due.next);
    node.unlink();
    if (node.tick_ > current_) {
      place(node, current_ + 1);  // farther away than the wheel reaches
    } else {
      node.on_timer();
    }
  }
}

void TimerWheel::advance(MonoTime now) {
  const std::uint64_t target = tick_of(now, false);
  while (current_ < target) {
    current_ += std::min(ticks_to_next(), target - current_);
    if ((current_ & 255) == 0) cascade();
    const std::size_t slot = current_ & 255;
    if ((occupied_[slot / 64] >> (slot % 64) & 1) != 0) fire(slot);
  }
}

/// Ticks from current_ to the next one at which something may fire or move down a level; at most kReach.
std::uint64_t TimerWheel::ticks_to_next() const {
  std::uint64_t best = kReach;
  const auto at = static_cast<unsigned>((current_ + 1) & 255);
  for (unsigned i = 0; i <= 4; ++i) {  // the word of `at`, the three others, and the first one's low bits again
    const unsigned word = (at / 64 + i) % 4;
    std::uint64_t bits = occupied_[word];
    if (i == 0) bits &= ~0ULL << (at % 64);
    if (bits == 0) continue;
    const auto slot = word * 64 + static_cast<unsigned>(std::countr_zero(bits));
    best = 1 + ((slot - at) & 255);
    break;
  }
  for (unsigned level = 1; level < kLevels; ++level) {
    const unsigned shift = 8 + 6 * (level - 1);
    const std::uint64_t block = (current_ >> shift) + 1;
    const unsigned away = distance(occupied_[3 + level], static_cast<unsigned>(block & 63));
    if (away < 64) best = std::min(best, ((block + away) << shift) - current_);
  }
  return best;
}

int TimerWheel::wait_ms(MonoTime now) {
  const bool is_empty = std::all_of(occupied_.begin(), occupied_.end(), [](std::uint64_t word) { return word == 0; });
  if (is_empty) return -1;
  const std::uint64_t due = current_ + ticks_to_next();
  const MonoTime when = start_ + std::chrono::milliseconds(due);
  if (when <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - now).count();
  return static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

}  // namespace yz::io
