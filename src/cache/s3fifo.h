#pragma once

#include <cstdint>

#include "cache/ghost.h"
#include "cache/object.h"

namespace yz::cache {

/// Which object goes when room is needed: S3-FIFO (Yang et al., SOSP '23), by bytes. New objects enter a small queue, a
/// tenth of the memory; what is asked for at least twice there moves to the main queue, the rest leaves and its name is
/// remembered; a remembered name enters the main queue at once. The main queue gives another round for each of up to
/// three hits. A hit only raises a counter in the object, and none once it is at three: `touch` is for any thread, all
/// else for one at a time. Owns nothing.
class S3Fifo {
 public:
  /// `arena`: where the objects lie.
  S3Fifo(Arena& arena, std::uint64_t memory, std::size_t ghost_names);

  static void touch(Object& object) {
    const std::uint8_t hits = object.freq_.load(std::memory_order_relaxed);
    if (hits < kMaxHits) object.freq_.store(static_cast<std::uint8_t>(hits + 1), std::memory_order_relaxed);
  }

  /// Takes back one hit; false when it has none.
  static bool take_hit(Object& object) {
    const std::uint8_t hits = object.freq_.load(std::memory_order_relaxed);
    if (hits > 0) object.freq_.store(static_cast<std::uint8_t>(hits - 1), std::memory_order_relaxed);
    return hits > 0;
  }

  void insert(Object& object);
  /// Takes it out; false when it is not in a queue.
  bool remove(Object& object);
  struct Victim {
    Object* object = nullptr;  ///< null: there is none
    bool was_used = false;     ///< asked for again since it was stored
  };
  /// Takes out the object that is worth least.
  [[nodiscard]] Victim pick_victim();
  /// True when it was asked for again since it was stored.
  [[nodiscard]] static bool was_used(const Object& object) {
    return object.queue_ == kMain || object.freq_.load(std::memory_order_relaxed) > 0;
  }

  [[nodiscard]] std::uint64_t small_bytes() const { return small_.bytes; }
  [[nodiscard]] std::uint64_t main_bytes() const { return main_.bytes; }
  [[nodiscard]] std::uint64_t count() const { return small_.count + main_.count; }
  [[nodiscard]] std::uint64_t ghost_hits() const { return ghost_hits_; }

  /// Names that the thrown out are remembered by: as many as there are objects is right.
  [[nodiscard]] std::size_t ghost_names() const { return ghost_.names(); }
  /// Another number of them; those of now are forgotten.
  void set_ghost_names(std::size_t names) { ghost_ = Ghost(names, memory_ - small_limit_); }

 private:
  static constexpr std::uint8_t kMaxHits = 3;
  enum Where : std::uint8_t { kNowhere, kSmall, kMain };
  struct Queue {
    std::uint32_t oldest = 0;  ///< links of the arena
    std::uint32_t newest = 0;
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
  };
  [[nodiscard]] Queue& queue(std::uint8_t where) { return where == kSmall ? small_ : main_; }
  [[nodiscard]] Object& at(std::uint32_t link) const { return *static_cast<Object*>(arena_.at(link)); }
  void push(Where where, Object& object);
  void unlink(Object& object);

  Arena& arena_;
  const std::uint64_t memory_;
  const std::uint64_t small_limit_;
  Queue small_;
  Queue main_;
  Ghost ghost_;
  std::uint64_t ghost_hits_ = 0;
};

}  // namespace yz::cache
