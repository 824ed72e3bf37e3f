#pragma once

namespace yz::cache {

/// Lets readers look at shared structures without a lock: memory that was unlinked is freed only when every reader that
/// could still see it has left (epoch-based reclamation, Fraser 2004). One domain for the process; at most 512 threads
/// read at a time.
class Epoch {
 public:
  /// Held around a look; short, never across a suspension, never nested.
  class Guard {
   public:
    Guard();
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
  };

  /// Calls `destroy(memory)` once no reader can hold a pointer to it. The caller has unlinked it. Not inside a Guard.
  static void retire(void* memory, void (*destroy)(void*));
  /// Frees what can be freed now.
  static void collect();
  /// Waits until all that was retired before is freed: for the end of an owner.
  static void drain();
};

}  // namespace yz::cache
