#include "cache/s3fifo.h"

namespace yz::cache {

S3Fifo::S3Fifo(std::uint64_t memory, std::size_t ghost_names)
    : small_limit_(memory / 10), ghost_(ghost_names, memory - memory / 10) {}

void S3Fifo::insert(Object& object) {
  const bool is_known = ghost_.take(object.key().slot());
  if (is_known) ++ghost_hits_;
  push(is_known ? kMain : kSmall, object);
}

bool S3Fifo::remove(Object& object) {
  if (object.queue_ == kNowhere) return false;
  unlink(object);
  return true;
}

S3Fifo::Victim S3Fifo::pick_victim() {
  for (;;) {
    if (small_.oldest != nullptr && (small_.bytes > small_limit_ || main_.oldest == nullptr)) {
      Object& candidate = *small_.oldest;
      unlink(candidate);
      const std::uint8_t hits = candidate.freq_.load(std::memory_order_relaxed);
      if (hits < 2) {
        ghost_.add(candidate.key().slot(), candidate.weight());
        return {&candidate, hits > 0};
      }
      candidate.freq_.store(0, std::memory_order_relaxed);
      push(kMain, candidate);
    } else if (main_.oldest != nullptr) {
      Object& candidate = *main_.oldest;
      unlink(candidate);
      const std::uint8_t hits = candidate.freq_.load(std::memory_order_relaxed);
      if (hits == 0) return {&candidate, true};
      candidate.freq_.store(static_cast<std::uint8_t>(hits - 1), std::memory_order_relaxed);
      push(kMain, candidate);
    } else {
      return {};
    }
  }
}

void S3Fifo::push(Where where, Object& object) {
  Queue& to = queue(where);
  object.queue_ = where;
  object.newer_ = nullptr;
  object.older_ = to.newest;
  (to.newest == nullptr ? to.oldest : to.newest->newer_) = &object;
  to.newest = &object;
  to.bytes += object.weight();
  ++to.count;
}

void S3Fifo::unlink(Object& object) {
  Queue& from = queue(object.queue_);
  (object.older_ == nullptr ? from.oldest : object.older_->newer_) = object.newer_;
  (object.newer_ == nullptr ? from.newest : object.newer_->older_) = object.older_;
  from.bytes -= object.weight();
  --from.count;
  object.older_ = object.newer_ = nullptr;
  object.queue_ = kNowhere;
}

}  // namespace yz::cache
