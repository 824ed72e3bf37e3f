// DiskVolume's writer: everything here runs on its one thread.

#include <algorithm>
#include <array>
#include <utility>

#include "cache/disk/disk_volume.h"
#include "cache/memory_tier.h"
#include "cache/purge_log.h"

namespace yz::cache {

namespace {

constexpr unsigned kMostWriteFailures = 4;
constexpr std::chrono::seconds kPauseWhenFull{5};
/// How often the purge clock is noted on the device.
constexpr std::chrono::seconds kMarkEvery{1};

void add(std::atomic<std::uint64_t>& count, std::uint64_t by = 1) { count.fetch_add(by, std::memory_order_relaxed); }

MonoTime mono() { return std::chrono::steady_clock::now(); }

}  // namespace

void DiskVolume::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const MonoTime wake_at = buffered_.empty() ? mono() + kMarkEvery : dirty_since_ + options_.flush_every;
    wake_.wait_until(lock, wake_at, [&] {
      return is_stopping_ || flush_wanted_ > flush_done_ || (!queue_.empty() && mono() >= paused_until_);
    });
    const bool is_last = is_stopping_;
    const std::uint64_t flush_to = flush_wanted_;
    const bool flushes = is_last || flush_to > flush_done_;
    std::deque<Item> items;
    if (flushes || mono() >= paused_until_) items.swap(queue_);
    lock.unlock();
    for (const Item& item : items) write_item(item);
    if (flushes || (!buffered_.empty() && mono() >= dirty_since_ + options_.flush_every)) commit();
    is_failed() ? wipe() : note_write(log_->note_purge_clock(purges_.latest().value), 0);
    lock.lock();
    flush_done_ = flush_to;
    done_.notify_all();
    if (is_last) return;
  }
}

/// What is erased from now on is not noted on a device that was given up. If it still takes a write, it begins anew at
/// the next start.
void DiskVolume::wipe() {
  if (std::exchange(is_wiped_, true)) return;
  AlignedBuffer zeros(kDiskBlock);
  std::fill_n(zeros.data(), kDiskBlock, '\0');
  (void)device_->write(0, zeros.first(kDiskBlock));
}

void DiskVolume::write_item(const Item& item) {
  if (is_failed()) return;
  Buffered what{item.slot, item.kind, 0, 0, item.ticket, 0};
  if (item.kind == RecordKind::kErase) {
    append(what, {}, kRecordHeaderSize);
    return;
  }
  Ref<Object> object;
  std::string head;
  {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(item.slot);
    if (found == waiting_.end() || found->second.ticket != item.ticket) return;
    object = found->second.object;
    head = found->second.rule;
  }
  std::vector<std::string_view> payload;
  if (object) append_object_head(head, *object);
  payload.emplace_back(head);
  RecordHeader header;
  header.payload_size = static_cast<std::uint32_t>(head.size());
  if (object && object->body()) {
    for (std::size_t i = 0; i < object->body().piece_count(); ++i) payload.push_back(object->body().piece(i));
    header.payload_size += static_cast<std::uint32_t>(object->body_size());
  }
  append(what, payload, header.record_size());
}

void DiskVolume::append(Buffered what, std::span<const std::string_view> payload, std::uint64_t record_size) {
  if (!log_->has_room(record_size)) advance();
  if (!log_->fits(record_size)) commit();
  if (is_failed()) return;
  what.unit = log_->append(what.slot, what.kind, payload);
  what.size = static_cast<std::uint32_t>(record_size);
  if (buffered_.empty()) dirty_since_ = mono();
  buffered_.push_back(what);
}

void DiskVolume::advance() {
  commit();
  note_write(log_->seal(), 0);
  log_->begin_region();
  // The region after it is given up now, so that by the time it is written over nobody refers to it any more.
  const DiskLog::Range range = log_->next_range();
  if (const auto table = log_->next_table()) {
    reinsert(*table, range.from);
  } else {
    index_->erase_range(range.from, range.to);
  }
}

void DiskVolume::reinsert(const std::vector<TableEntry>& table, std::uint64_t first_unit) {
  // Half a region at most: there is always room for something new.
  std::uint64_t bytes_left = log_->region_size() / 2;
  std::uint64_t records_left = log_->region_size() / 2048;
  for (const TableEntry& entry : table) {
    if (entry.kind == RecordKind::kErase || is_failed()) continue;
    const auto place = index_->find(entry.slot);
    if (!place || place->unit != first_unit + entry.unit) continue;
    const std::uint64_t size = std::uint64_t{entry.size} * kRecordUnit;
    if (place->hits > 0 && size <= bytes_left && records_left > 0 && move_on(entry, *place)) {
      bytes_left -= size;
      --records_left;
    } else {
      index_->erase_at(entry.slot, place->unit);
    }
  }
}

bool DiskVolume::move_on(const TableEntry& entry, const DiskIndex::Place& place) {
  const auto record = log_->read(entry.slot, place);
  if (!record) return false;
  if (record->header.kind == RecordKind::kObject) {
    const auto object = decode_object(record->payload);
    if (!object) return false;
    const ObjectMeta& meta = object->meta;
    if (purges_.verdict(meta.born, meta.base, meta.host, meta.target, meta.tags) == PurgeVerdict::kDead) return false;
  }
  const std::array<std::string_view, 1> payload = {record->payload};
  if (!log_->fits(record->header.record_size())) commit();
  append({entry.slot, record->header.kind, 0, 0, 0, place.unit}, payload, record->header.record_size());
  return true;
}

void DiskVolume::commit() {
  if (buffered_.empty() || is_failed()) {
    buffered_.clear();
    return;
  }
  std::uint64_t bytes = 0;
  for (const Buffered& one : buffered_) bytes += one.size;
  const Status done = log_->write();
  note_write(done, bytes);
  for (const Buffered& one : buffered_) settle(one, done.has_value());
  buffered_.clear();
}

void DiskVolume::settle(const Buffered& written, bool is_written) {
  if (written.kind == RecordKind::kErase) {
    if (is_written) return;
    const std::lock_guard lock(mutex_);
    if (!is_failed()) queue_.push_front({written.slot, RecordKind::kErase, written.ticket});
    return;
  }
  if (written.ticket == 0) {
    if (!is_written) {
      index_->erase_at(written.slot, written.from);
    } else if (index_->move(written.slot, written.from, written.unit)) {
      add(counts_.reinserted);
    }
    return;
  }
  bool may_retry = true;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = waiting_.find(written.slot);
      if (is_failed() || found == waiting_.end() || found->second.ticket != written.ticket) return;
      const bool is_found = is_written && index_->put(written.slot, written.unit, written.size);
      if (is_found || !is_written || !may_retry) {
        if (is_found && found->second.object) found->second.object->note_on_disk();
        add(is_found ? counts_.stored : counts_.dropped);
        waiting_bytes_ -= found->second.weight;
        waiting_.erase(found);
        return;
      }
    }
    // The index had no room: not under the lock, for what is evicted comes here.
    may_retry = memory_.make_room(2 * kDiskBlock);
  }
}

void DiskVolume::note_write(const Status& done, std::uint64_t bytes) {
  if (done) {
    if (bytes == 0) return;
    write_failures_ = 0;
    add(counts_.writes);
    add(counts_.written_bytes, bytes);
    return;
  }
  add(counts_.write_errors);
  if (done.error().code == Code::kLimit) {
    const std::lock_guard lock(mutex_);
    paused_until_ = mono() + kPauseWhenFull;
  } else if (++write_failures_ == kMostWriteFailures) {
    give_up(done.error().message);
  }
}

}  // namespace yz::cache
