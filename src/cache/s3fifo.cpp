#include "cache/s3fifo.h"

namespace yz::cache {

S3Fifo::S3Fifo(Arena& arena, std::uint64_t memory, std::size_t ghost_names)
    : arena_(arena), memory_(memory), small_limit_(memory / 10), ghost_(ghost_names, memory - memory / 10) {}

void S3Fifo::insert(Object& object) {
  const bool is_known = ghost_.take(object.slot());
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
    if (small_.oldest != 0 && (small_.bytes > small_limit_ || main_.oldest == 0)) {
      Object& candidate = at(small_.oldest);
      unlink(candidate);
      const std::uint8_t hits = candidate.freq_.load(std::memory_order_relaxed);
      if (hits < 2) {
        ghost_.add(candidate.slot(), candidate.weight());
        return {&candidate, hits > 0};
      }
      candidate.freq_.store(0, std::memory_order_relaxed);
      push(kMain, candidate);
    } else if (main_.oldest != 0) {
      Object& candidate = at(main_.oldest);
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
  const std::uint32_t link = arena_.link_to(&object);
  object.queue_ = where;
  object.newer_ = 0;
  object.older_ = to.newest;
  (to.newest == 0 ? to.oldest : at(to.newest).newer_) = link;
  to.newest = link;
  to.bytes += object.weight();
  ++to.count;
}

void S3Fifo::unlink(Object& object) {
  Queue& from = queue(object.queue_);
  (object.older_ == 0 ? from.oldest : at(object.older_).newer_) = object.newer_;
  (object.newer_ == 0 ? from.newest : at(object.newer_).older_) = object.older_;
  from.bytes -= object.weight();
  --from.count;
  object.older_ = object.newer_ = 0;
  object.queue_ = kNowhere;
}

}  // namespace yz::cache
