#include "edge/slice_desk.h"

#include <algorithm>
#include <vector>

namespace yz::edge {

bool SliceTrunk::take_over(std::uint64_t index, cache::FillWriter& writer) {
  {
    const std::lock_guard lock(mutex_);
    if (is_over_ || index < next_ || waiting_.contains(index)) return false;
    writer.ring_for_readers(bell_);
    waiting_.emplace(index, std::move(writer));
  }
  bell_->notify_all();
  return true;
}

cache::FillWriter SliceTrunk::reach(std::uint64_t index) {
  const std::lock_guard lock(mutex_);
  next_ = index + 1;
  const auto found = waiting_.find(index);
  if (found == waiting_.end()) return {};
  cache::FillWriter writer = std::move(found->second);
  waiting_.erase(found);
  return writer;
}

bool SliceTrunk::is_awaited() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [](const auto& entry) { return entry.second.fill().readers() > 0; });
}

void SliceTrunk::close(const Error* error) {
  std::map<std::uint64_t, cache::FillWriter> left;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    left.swap(waiting_);
  }
  for (auto& [index, writer] : left) {
    if (error != nullptr) writer.fail(*error);
  }
}

std::shared_ptr<SliceTrunk> SliceDesk::trunk_of(Hash128 version) {
  const std::lock_guard lock(mutex_);
  const auto found = trunks_.find(version);
  return found == trunks_.end() ? nullptr : found->second.lock();
}

void SliceDesk::add_trunk(Hash128 version, const std::shared_ptr<SliceTrunk>& trunk) {
  const std::lock_guard lock(mutex_);
  std::erase_if(trunks_, [](const auto& entry) { return entry.second.expired(); });
  trunks_[version] = trunk;
}

}  // namespace yz::edge
