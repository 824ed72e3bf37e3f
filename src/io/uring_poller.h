#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <sys/types.h>
#include <sys/uio.h>

#include "base/result.h"
#include "io/poller.h"

struct io_uring_cqe;
struct io_uring_sqe;

namespace yz::io {

/// What a UringPoller keeps inside each Watch.
struct RingState {
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint16_t kNoBuffer = UINT16_MAX;

  // Requests the kernel has (or is about to get) for this descriptor, by slot.
  std::uint32_t poll = kNone;
  std::uint32_t receive = kNone;  ///< a multishot receive, or a listener's multishot accept
  std::uint32_t send = kNone;
  int receive_error = 0;
  int send_error = 0;
  // Bytes received ahead: a chain of provided buffers, the first used up to first_offset.
  std::uint16_t first = kNoBuffer;
  std::uint16_t last = kNoBuffer;
  std::uint16_t first_offset = 0;
  std::uint8_t buffers = 0;
  bool is_at_end = false;       ///< the peer has sent its last byte
  bool is_listener = false;     ///< accepts ahead
  bool receives_ahead = false;  ///< what its owner wants for the next wait
};

/// io_uring, for Linux 6.1 and later: DEFER_TASKRUN, so that completions are worked off only when asked for. All that a
/// turn's coroutines want done goes to the kernel in the one call that also waits. Beside readiness (multishot poll) it
/// offers three things that save a system call each: receiving ahead into buffers that belong to no connection until
/// there is data (multishot receive), accepting ahead (multishot accept), and short sends from a copy.
/// Belongs to one thread from its first wait() on; what is asked before is kept back until then.
class UringPoller final : public Poller {
 public:
  /// Fails with kUnavailable, and why, where the kernel refuses. `wake_fd`: an eventfd, or -1 to try it out only.
  [[nodiscard]] static Result<std::unique_ptr<UringPoller>> make(int wake_fd);
  ~UringPoller() override;

  [[nodiscard]] Status add(Watch& watch) override;
  void remove(Watch& watch) noexcept override;
  void wait(int timeout_ms) override;
  [[nodiscard]] bool dispatch() override;

  /// Has the kernel receive from now on, until the end or until too much lies here unread.
  void receive(Watch& watch);
  /// What was received ahead: bytes copied; 0 at the end; -EAGAIN when more will come by itself; another negated errno.
  /// None: nothing was and will be, read the descriptor directly.
  [[nodiscard]] std::optional<ssize_t> take_received(Watch& watch, std::span<char> into);
  /// True while more will come by itself.
  [[nodiscard]] static bool is_receiving(const Watch& watch);

  /// Takes a copy of all the bytes and sends it with the next wait(). -EAGAIN: the socket was too full for an earlier
  /// one; a negated errno: that one failed. None: too much, write it directly.
  [[nodiscard]] std::optional<ssize_t> send_soon(Watch& watch, std::span<const iovec> from);
  /// Sends what was taken. 0: the descriptor may be written directly; else as send_soon.
  [[nodiscard]] ssize_t make_way(Watch& watch);
  /// Sends now what send_soon took. False when the socket did not take all of it; the rest follows by itself.
  bool finish_sending(Watch& watch);
  [[nodiscard]] static bool is_sending(const Watch& watch);

  /// Has the kernel accept connections from now on.
  void accept(Watch& watch);
  /// A connection accepted ahead, or a negated errno of accept(2); none: nothing yet.
  [[nodiscard]] std::optional<int> take_accepted(Watch& watch);

 private:
  enum class Kind : std::uint8_t { kWake, kPoll, kReceive, kAccept, kSend };
  /// One request the kernel has; free again when its last completion was seen.
  struct Slot {
    Watch* watch = nullptr;  ///< null: nobody wants to hear of it any more
    io_uring_sqe* sqe = nullptr;
    std::uint64_t number = 0;  ///< of its SQE
    std::uint32_t next_free = 0;
    Kind kind = Kind::kPoll;
    bool is_remainder = false;  ///< of a send: not with the kernel, the rest waits for the socket
    bool is_cancelled = false;
    std::uint32_t stage = 0;  ///< of a send: which staging buffer
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  struct Ring;
  struct Accepted {
    std::vector<int> fds;
    std::size_t taken = 0;
    int error = 0;
  };

  explicit UringPoller(std::unique_ptr<Ring> ring, int wake_fd);
  void enable();
  void submit(bool also_events);
  [[nodiscard]] io_uring_sqe* next_sqe();
  [[nodiscard]] std::uint32_t take_slot(Kind kind, Watch* watch);
  void free_slot(std::uint32_t index);
  [[nodiscard]] bool is_unsubmitted(const Slot& slot) const;
  void arm(std::uint32_t index, io_uring_sqe* sqe);
  void abandon(std::uint32_t& index);
  void cancel(std::uint32_t index);
  void watch_wake();

  void on_completion(std::uint64_t user_data, int result, std::uint32_t flags);
  void on_polled(std::uint32_t index, int result, bool is_last);
  void on_received(std::uint32_t index, int result, std::uint32_t flags, bool is_last);
  void on_accepted(std::uint32_t index, int result, bool is_last);
  void on_sent(std::uint32_t index, int result);
  bool note_sent(std::uint32_t index, int result);
  friend class Watch;
  void push_remainder(Watch& watch);
  void give_back_buffer(std::uint16_t buffer);

  std::unique_ptr<Ring> ring_;
  const int wake_fd_;
  bool is_enabled_ = false;
  bool is_woken_ = false;
  std::uint64_t sqe_count_ = 0;
  unsigned sends_in_flight_ = 0;
  std::vector<Slot> slots_;
  std::uint32_t free_slots_ = RingState::kNone;
  std::vector<std::unique_ptr<char[]>> stages_;
  std::vector<std::uint32_t> free_stages_;
  std::vector<std::uint16_t> buffer_next_;
  std::vector<std::uint16_t> buffer_size_;
  std::unordered_map<const Watch*, Accepted> accepted_;
};

}  // namespace yz::io
