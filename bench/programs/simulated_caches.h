#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

namespace yz::bench {

/// A doubly linked list of object numbers inside two arrays.
class NumberList {
 public:
  explicit NumberList(std::uint32_t ids) : older_(ids, kNone), newer_(ids, kNone) {}
  void push_newest(std::uint32_t id) {
    older_[id] = newest_;
    newer_[id] = kNone;
    (newest_ == kNone ? oldest_ : newer_[newest_]) = id;
    newest_ = id;
  }
  void take(std::uint32_t id) {
    (older_[id] == kNone ? oldest_ : newer_[older_[id]]) = newer_[id];
    (newer_[id] == kNone ? newest_ : older_[newer_[id]]) = older_[id];
  }
  [[nodiscard]] std::uint32_t oldest() const { return oldest_; }

 private:
  static constexpr std::uint32_t kNone = ~0U;
  std::vector<std::uint32_t> older_;
  std::vector<std::uint32_t> newer_;
  std::uint32_t oldest_ = kNone;
  std::uint32_t newest_ = kNone;
};

/// Least recently used goes first; room for a number of objects of one size.
class SimulatedLru {
 public:
  SimulatedLru(std::uint32_t ids, std::uint32_t capacity) : capacity_(capacity), list_(ids), is_in_(ids) {}

  /// True for a hit; after a miss it is in.
  bool ask(std::uint32_t id) {
    const bool hit = is_in_[id];
    if (hit) {
      list_.take(id);
    } else if (count_ == capacity_) {
      const std::uint32_t victim = list_.oldest();
      list_.take(victim);
      is_in_[victim] = false;
    } else {
      ++count_;
    }
    is_in_[id] = true;
    list_.push_newest(id);
    return hit;
  }

 private:
  std::uint32_t capacity_;
  std::uint32_t count_ = 0;
  NumberList list_;
  std::vector<bool> is_in_;
};

/// S3-FIFO as published (Yang et al., "FIFO queues are all you need for cache eviction", SOSP '23, algorithm 1): a
/// small queue of a tenth, a main queue, a ghost queue of as many names as main has objects; counters up to three.
class SimulatedS3Fifo {
 public:
  SimulatedS3Fifo(std::uint32_t ids, std::uint32_t capacity)
      : small_room_(std::max(capacity / 10, 1U)), main_room_(std::max(capacity - small_room_, 1U)), state_(ids) {}

  /// True for a hit; after a miss it is in.
  bool ask(std::uint32_t id) {
    State& state = state_[id];
    if (state.where == kSmall || state.where == kMain) {
      if (state.hits < 3) ++state.hits;
      return true;
    }
    while (small_.size() + main_.size() >= std::size_t{small_room_} + main_room_) {
      if (small_.size() >= small_room_ || main_.empty()) {
        evict_small();
      } else {
        evict_main();
      }
    }
    // A ghost that was asked for again stays in the queue as an empty name (its place says it is not there any more).
    const bool is_known = state.where == kGhost;
    state.where = is_known ? kMain : kSmall;
    state.hits = 0;
    (is_known ? main_ : small_).push_back(id);
    return false;
  }

 private:
  enum Where : std::uint8_t { kNowhere, kSmall, kMain, kGhost };
  struct State {
    Where where = kNowhere;
    std::uint8_t hits = 0;
    std::uint32_t ghost_turn = 0;  ///< which of its entries in the ghost queue counts
  };

  void evict_small() {
    const std::uint32_t id = small_.front();
    small_.pop_front();
    State& state = state_[id];
    if (state.hits > 1) {
      state.where = kMain;
      state.hits = 0;
      main_.push_back(id);
      return;
    }
    state.where = kGhost;
    ghosts_.push_back({id, ++state.ghost_turn});
    while (ghosts_.size() > main_room_) {
      const Ghost oldest = ghosts_.front();
      ghosts_.pop_front();
      State& forgotten = state_[oldest.id];
      if (forgotten.where == kGhost && forgotten.ghost_turn == oldest.turn) forgotten.where = kNowhere;
    }
  }

  void evict_main() {
    const std::uint32_t id = main_.front();
    main_.pop_front();
    State& state = state_[id];
    if (state.hits == 0) {
      state.where = kNowhere;
      return;
    }
    --state.hits;
    main_.push_back(id);
  }

  struct Ghost {
    std::uint32_t id;
    std::uint32_t turn;
  };
  const std::uint32_t small_room_;
  const std::uint32_t main_room_;
  std::deque<std::uint32_t> small_;
  std::deque<std::uint32_t> main_;
  std::deque<Ghost> ghosts_;
  std::vector<State> state_;
};

}  // namespace yz::bench
