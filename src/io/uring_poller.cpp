#include "io/uring_poller.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <liburing.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/watch.h"

namespace yz::io {

namespace {

constexpr unsigned kSubmissions = 1024;
constexpr unsigned kCompletions = 4096;
/// Provided buffers for receiving ahead. They are given back within the turn, so a few do for any number of
/// connections.
constexpr unsigned kBuffers = 256;
constexpr unsigned kBufferSize = 2048;
constexpr int kBufferGroup = 0;
/// Buffers one connection may fill before it is read directly: whoever sends a body does not need more.
constexpr std::uint8_t kMostAhead = 8;
/// Sends up to this size are copied and go out together. Above, the copy costs what the system call would.
constexpr std::uint32_t kStageSize = 4096;
constexpr std::size_t kMostStages = 1024;

constexpr std::uint64_t kIgnored = UINT64_MAX;
constexpr std::uint32_t kNone = RingState::kNone;

}  // namespace

struct UringPoller::Ring {
  io_uring ring{};
  io_uring_buf_ring* buffer_ring = nullptr;
  std::unique_ptr<char[]> buffers = std::make_unique_for_overwrite<char[]>(kBuffers * kBufferSize);
  bool is_open = false;

  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    if (is_open) io_uring_queue_exit(&ring);
    std::free(buffer_ring);
  }
  [[nodiscard]] char* buffer(std::uint16_t index) const { return buffers.get() + std::size_t{index} * kBufferSize; }
  void offer(std::uint16_t index) {
    io_uring_buf_ring_add(buffer_ring, buffer(index), kBufferSize, index, io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(buffer_ring, 1);
  }
};

Result<std::unique_ptr<UringPoller>> UringPoller::make(int wake_fd) {
  auto ring = std::make_unique<Ring>();
  io_uring_params params{};
  // R_DISABLED: the thread that first waits becomes the only one the kernel accepts requests from.
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED;
  params.cq_entries = kCompletions;
  const auto unavailable = [](const char* what, int error) {
    return fail(Code::kUnavailable, std::string(what) + ": " + std::strerror(error), Fault::kSelf);
  };
  if (const int made = io_uring_queue_init_params(kSubmissions, &ring->ring, &params); made < 0) {
    return unavailable("io_uring_setup", -made);
  }
  ring->is_open = true;
  constexpr unsigned kNeeded = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
  if ((params.features & kNeeded) != kNeeded) return unavailable("io_uring_setup", ENOSYS);

  void* memory = nullptr;
  if (::posix_memalign(&memory, 4096, kBuffers * sizeof(io_uring_buf)) != 0) return unavailable("buffer ring", ENOMEM);
  ring->buffer_ring = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_ring_init(ring->buffer_ring);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = kBuffers;
  registration.bgid = kBufferGroup;
  if (const int made = io_uring_register_buf_ring(&ring->ring, &registration, 0); made < 0) {
    return unavailable("io_uring_register (buffer ring)", -made);
  }
  return std::unique_ptr<UringPoller>(new UringPoller(std::move(ring), wake_fd));
}

UringPoller::UringPoller(std::unique_ptr<Ring> ring, int wake_fd)
    : ring_(std::move(ring)), wake_fd_(wake_fd), buffer_next_(kBuffers), buffer_size_(kBuffers) {
  for (unsigned i = 0; i < kBuffers; ++i) ring_->offer(static_cast<std::uint16_t>(i));
  if (wake_fd_ >= 0) watch_wake();
}

UringPoller::~UringPoller() {
  for (auto& [watch, accepted] : accepted_) {
    for (std::size_t i = accepted.taken; i < accepted.fds.size(); ++i) ::close(accepted.fds[i]);
  }
}

// --- requests ---

void UringPoller::enable() {
  if (is_enabled_) return;
  is_enabled_ = true;
  // Debian's liburing 2.3 declares io_uring_enable_rings() and does not export it.
  const long enabled = ::syscall(__NR_io_uring_register, ring_->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  YZ_ASSERT(enabled == 0);
}

void UringPoller::submit(bool also_events) {
  enable();
  // A failure leaves what is prepared for the next call; each request reports its own.
  (void)(also_events ? io_uring_submit_and_get_events(&ring_->ring) : io_uring_submit(&ring_->ring));
}

io_uring_sqe* UringPoller::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_->ring);
  if (sqe == nullptr) {
    submit(false);
    sqe = io_uring_get_sqe(&ring_->ring);
    YZ_ASSERT(sqe != nullptr);
  }
  ++sqe_count_;
  return sqe;
}

std::uint32_t UringPoller::take_slot(Kind kind, Watch* watch) {
  std::uint32_t index = free_slots_;
  if (index == kNone) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    free_slots_ = slots_[index].next_free;
  }
  slots_[index] = Slot{};
  slots_[index].kind = kind;
  slots_[index].watch = watch;
  return index;
}

void UringPoller::free_slot(std::uint32_t index) {
  Slot& slot = slots_[index];
  if (slot.kind == Kind::kSend) free_stages_.push_back(slot.stage);
  slot.watch = nullptr;
  slot.sqe = nullptr;
  slot.next_free = free_slots_;
  free_slots_ = index;
}

bool UringPoller::is_unsubmitted(const Slot& slot) const {
  return slot.sqe != nullptr && slot.number > sqe_count_ - io_uring_sq_ready(&ring_->ring);
}

void UringPoller::arm(std::uint32_t index, io_uring_sqe* sqe) {
  io_uring_sqe_set_data64(sqe, index);
  slots_[index].sqe = sqe;
  slots_[index].number = sqe_count_;
}

/// Nobody waits for this request's outcome any more.
void UringPoller::abandon(std::uint32_t& index) {
  if (index == kNone) return;
  Slot& slot = slots_[index];
  slot.watch = nullptr;
  if (slot.is_remainder) {
    free_slot(index);
  } else if (is_unsubmitted(slot)) {
    if (slot.kind == Kind::kSend) --sends_in_flight_;
    io_uring_prep_nop(slot.sqe);
    slot.sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(slot.sqe, kIgnored);
    free_slot(index);
  } else if (slot.kind != Kind::kSend) {  // sends never wait in the kernel
    cancel(index);
  }
  index = kNone;
}

void UringPoller::cancel(std::uint32_t index) {
  slots_[index].is_cancelled = true;
  io_uring_sqe* const sqe = next_sqe();
  io_uring_prep_cancel64(sqe, index, 0);
  io_uring_sqe_set_data64(sqe, kIgnored);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

void UringPoller::watch_wake() {
  io_uring_sqe* const sqe = next_sqe();
  io_uring_prep_poll_multishot(sqe, wake_fd_, EPOLLIN);
  arm(take_slot(Kind::kWake, nullptr), sqe);
}

Status UringPoller::add(Watch& watch) {
  io_uring_sqe* const sqe = next_sqe();
  io_uring_prep_poll_multishot(sqe, watch.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP);
  watch.ring_.poll = take_slot(Kind::kPoll, &watch);
  arm(watch.ring_.poll, sqe);
  return {};
}

void UringPoller::remove(Watch& watch) noexcept {
  RingState& state = watch.ring_;
  const std::uint64_t before = sqe_count_;
  abandon(state.poll);
  abandon(state.receive);
  abandon(state.send);
  while (state.first != RingState::kNoBuffer) give_back_buffer(std::exchange(state.first, buffer_next_[state.first]));
  if (state.is_listener) {
    const auto found = accepted_.find(&watch);
    if (found != accepted_.end()) {
      for (std::size_t i = found->second.taken; i < found->second.fds.size(); ++i) ::close(found->second.fds[i]);
      accepted_.erase(found);
    }
  }
  // The kernel keeps the socket open as long as it has requests for it: the peer is to see the end now.
  if (sqe_count_ != before) submit(true);
}

void UringPoller::receive(Watch& watch) {
  RingState& state = watch.ring_;
  if (state.receive != kNone) return;
  io_uring_sqe* const sqe = next_sqe();
  io_uring_prep_recv_multishot(sqe, watch.fd(), nullptr, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = kBufferGroup;
  state.receive = take_slot(Kind::kReceive, &watch);
  arm(state.receive, sqe);
}

void UringPoller::accept(Watch& watch) {
  RingState& state = watch.ring_;
  if (state.receive != kNone) return;
  io_uring_sqe* const sqe = next_sqe();
  io_uring_prep_multishot_accept(sqe, watch.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  state.receive = take_slot(Kind::kAccept, &watch);
  arm(state.receive, sqe);
}

// --- waiting ---

void UringPoller::wait(int timeout_ms) {
  enable();
  io_uring* const ring = &ring_->ring;
  const unsigned ready = io_uring_cq_ready(ring);
  if (timeout_ms == 0 || ready > 0) {
    (void)io_uring_submit_and_get_events(ring);
    return;
  }
  // Sends complete within the call, one completion each: what is waited for is something beside them.
  io_uring_cqe* first = nullptr;
  __kernel_timespec limit{timeout_ms / 1000, (timeout_ms % 1000) * 1'000'000LL};
  (void)io_uring_submit_and_wait_timeout(ring, &first, sends_in_flight_ + 1, timeout_ms < 0 ? nullptr : &limit,
                                         nullptr);
}

bool UringPoller::dispatch() {
  io_uring* const ring = &ring_->ring;
  is_woken_ = false;
  // No more than was there at the start, so that timers and others have their turn.
  for (unsigned left = io_uring_cq_ready(ring); left > 0; --left) {
    const unsigned head = *ring->cq.khead;
    const io_uring_cqe& cqe = ring->cq.cqes[head & *ring->cq.kring_mask];
    const std::uint64_t user_data = cqe.user_data;
    const int result = cqe.res;
    const std::uint32_t flags = cqe.flags;
    io_uring_cq_advance(ring, 1);
    if (user_data != kIgnored) on_completion(user_data, result, flags);
  }
  return std::exchange(is_woken_, false);
}

void UringPoller::on_completion(std::uint64_t user_data, int result, std::uint32_t flags) {
  const auto index = static_cast<std::uint32_t>(user_data);
  const bool is_last = (flags & IORING_CQE_F_MORE) == 0;
  switch (slots_[index].kind) {
    case Kind::kWake:
      is_woken_ = true;
      if (is_last) {
        free_slot(index);
        watch_wake();
      }
      return;
    case Kind::kPoll:
      return on_polled(index, result, is_last);
    case Kind::kReceive:
      return on_received(index, result, flags, is_last);
    case Kind::kAccept:
      return on_accepted(index, result, is_last);
    case Kind::kSend:
      return on_sent(index, result);
  }
}

void UringPoller::on_polled(std::uint32_t index, int result, bool is_last) {
  Watch* const watch = slots_[index].watch;
  if (is_last) {
    if (watch != nullptr) {
      watch->ring_.poll = kNone;
      watch->is_registered_ = false;
    }
    free_slot(index);
  }
  if (watch == nullptr) return;
  watch->on_events(result < 0 ? EPOLLERR | EPOLLHUP : static_cast<std::uint32_t>(result), is_last);
}

// --- receiving ---

void UringPoller::give_back_buffer(std::uint16_t buffer) { ring_->offer(buffer); }

void UringPoller::on_received(std::uint32_t index, int result, std::uint32_t flags, bool is_last) {
  Watch* const watch = slots_[index].watch;
  const bool was_cancelled = slots_[index].is_cancelled;
  if (is_last) {
    if (watch != nullptr) watch->ring_.receive = kNone;
    free_slot(index);
  }
  if ((flags & IORING_CQE_F_BUFFER) != 0) {
    const auto buffer = static_cast<std::uint16_t>(flags >> IORING_CQE_BUFFER_SHIFT);
    if (watch == nullptr || result <= 0) {
      give_back_buffer(buffer);
    } else {
      RingState& state = watch->ring_;
      buffer_size_[buffer] = static_cast<std::uint16_t>(result);
      buffer_next_[buffer] = RingState::kNoBuffer;
      (state.first == RingState::kNoBuffer ? state.first : buffer_next_[state.last]) = buffer;
      state.last = buffer;
      if (++state.buffers >= kMostAhead) {
        state.receives_ahead = false;
        if (!is_last && !was_cancelled) cancel(index);
      }
    }
  }
  if (watch == nullptr) return;
  RingState& state = watch->ring_;
  if (result == 0) state.is_at_end = true;
  if (result < 0 && result != -ECANCELED && result != -ENOBUFS && result != -EAGAIN && result != -EINTR) {
    state.receive_error = -result;
  }
  watch->on_received();
}

std::optional<ssize_t> UringPoller::take_received(Watch& watch, std::span<char> into) {
  RingState& state = watch.ring_;
  std::size_t copied = 0;
  while (state.first != RingState::kNoBuffer && copied < into.size()) {
    const std::uint16_t buffer = state.first;
    const std::size_t size = std::min<std::size_t>(buffer_size_[buffer] - state.first_offset, into.size() - copied);
    std::memcpy(into.data() + copied, ring_->buffer(buffer) + state.first_offset, size);
    copied += size;
    state.first_offset = static_cast<std::uint16_t>(state.first_offset + size);
    if (state.first_offset < buffer_size_[buffer]) break;
    state.first = buffer_next_[buffer];
    state.first_offset = 0;
    --state.buffers;
    give_back_buffer(buffer);
  }
  if (copied > 0) return static_cast<ssize_t>(copied);
  if (state.receive_error != 0) return -state.receive_error;
  if (state.is_at_end) return 0;
  if (state.receive != kNone) return -EAGAIN;
  return std::nullopt;
}

bool UringPoller::is_receiving(const Watch& watch) { return watch.ring_.receive != kNone; }

// --- accepting ---

void UringPoller::on_accepted(std::uint32_t index, int result, bool is_last) {
  Watch* const watch = slots_[index].watch;
  if (is_last) {
    if (watch != nullptr) watch->ring_.receive = kNone;
    free_slot(index);
  }
  if (watch == nullptr) {
    if (result >= 0) ::close(result);
    return;
  }
  Accepted& accepted = accepted_[watch];
  if (result >= 0) {
    accepted.fds.push_back(result);
  } else if (result != -ECANCELED) {
    accepted.error = result;
  }
  watch->on_received();
}

std::optional<int> UringPoller::take_accepted(Watch& watch) {
  Accepted& accepted = accepted_[&watch];
  if (accepted.taken < accepted.fds.size()) {
    const int fd = accepted.fds[accepted.taken++];
    if (accepted.taken == accepted.fds.size()) {
      accepted.fds.clear();
      accepted.taken = 0;
    }
    return fd;
  }
  if (accepted.error != 0) return std::exchange(accepted.error, 0);
  return std::nullopt;
}

// --- sending ---

ssize_t UringPoller::make_way(Watch& watch) {
  const bool is_free = finish_sending(watch);
  if (watch.ring_.send_error != 0) return -watch.ring_.send_error;
  return is_free ? 0 : -EAGAIN;
}

std::optional<ssize_t> UringPoller::send_soon(Watch& watch, std::span<const iovec> from) {
  RingState& state = watch.ring_;
  std::size_t total = 0;
  for (const iovec& piece : from) total += piece.iov_len;
  if (total > kStageSize) return std::nullopt;
  if (state.send != kNone && (!is_unsubmitted(slots_[state.send]) || total > kStageSize - slots_[state.send].end)) {
    if (const ssize_t outcome = make_way(watch); outcome != 0) return outcome;
  }
  if (state.send_error != 0) return -state.send_error;
  if (state.send == kNone) {
    if (free_stages_.empty()) {
      if (stages_.size() == kMostStages) return std::nullopt;
      free_stages_.push_back(static_cast<std::uint32_t>(stages_.size()));
      stages_.push_back(std::make_unique_for_overwrite<char[]>(kStageSize));
    }
    io_uring_sqe* const sqe = next_sqe();
    state.send = take_slot(Kind::kSend, &watch);
    slots_[state.send].stage = free_stages_.back();
    free_stages_.pop_back();
    // DONTWAIT: completes within the submitting call, as write(2) would, so that the buffer is free soon.
    io_uring_prep_send(sqe, watch.fd(), stages_[slots_[state.send].stage].get(), 0, MSG_DONTWAIT | MSG_NOSIGNAL);
    arm(state.send, sqe);
    ++sends_in_flight_;
  }
  Slot& slot = slots_[state.send];
  char* const stage = stages_[slot.stage].get();
  for (const iovec& piece : from) {
    std::memcpy(stage + slot.end, piece.iov_base, piece.iov_len);
    slot.end += static_cast<std::uint32_t>(piece.iov_len);
  }
  slot.sqe->len = slot.end;
  return static_cast<ssize_t>(total);
}

/// Notes how a send ended, without waking anyone; true when nothing of it is left.
bool UringPoller::note_sent(std::uint32_t index, int result) {
  --sends_in_flight_;
  Slot& slot = slots_[index];
  slot.sqe = nullptr;
  if (slot.watch == nullptr) {
    free_slot(index);
    return true;
  }
  if (result > 0) slot.begin += static_cast<std::uint32_t>(result);
  const bool is_failed = result < 0 && result != -EAGAIN && result != -EINTR;
  if (slot.begin == slot.end || is_failed) {
    slot.watch->ring_.send = kNone;
    if (is_failed) slot.watch->ring_.send_error = -result;
    free_slot(index);
    return true;
  }
  slot.is_remainder = true;
  return false;
}

void UringPoller::on_sent(std::uint32_t index, int result) {
  Watch* const watch = slots_[index].watch;
  const bool is_over = note_sent(index, result);
  if (watch == nullptr) return;
  if (is_over) {
    watch->on_sent();
  } else {
    watch->want_room();
  }
}

/// The socket may have room again for the rest of a send.
void UringPoller::push_remainder(Watch& watch) {
  const std::uint32_t index = watch.ring_.send;
  if (index == kNone || !slots_[index].is_remainder) return;
  Slot& slot = slots_[index];
  while (slot.begin < slot.end) {
    const ssize_t n =
        ::send(watch.fd(), stages_[slot.stage].get() + slot.begin, slot.end - slot.begin, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) {
      watch.ring_.send_error = errno;
      break;
    }
    slot.begin += static_cast<std::uint32_t>(n);
  }
  watch.ring_.send = kNone;
  free_slot(index);
}

bool UringPoller::is_sending(const Watch& watch) { return watch.ring_.send != kNone; }

bool UringPoller::finish_sending(Watch& watch) {
  const std::uint32_t index = watch.ring_.send;
  if (index == kNone) return true;
  if (slots_[index].is_remainder) return false;
  if (is_unsubmitted(slots_[index])) submit(false);
  // Its completion is among those not yet dispatched.
  io_uring* const ring = &ring_->ring;
  const unsigned head = *ring->cq.khead;
  for (unsigned i = 0; i < io_uring_cq_ready(ring); ++i) {
    io_uring_cqe& cqe = ring->cq.cqes[(head + i) & *ring->cq.kring_mask];
    if (cqe.user_data != index) continue;
    cqe.user_data = kIgnored;
    const bool is_over = note_sent(index, cqe.res);
    if (!is_over) watch.want_room();
    return is_over;
  }
  return false;
}

}  // namespace yz::io
