#include "cache/disk/disk_volume.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "cache/memory_tier.h"
#include "cache/purge_log.h"

namespace yz::cache {

namespace {

/// Failures in a row after which a device is given up.
constexpr unsigned kMostReadFailures = 8;
/// Erasures that may wait; a device that cannot keep up with so many would forget some.
constexpr std::size_t kMostQueued = 1 << 18;
/// How much may be written at once after a quiet time.
constexpr double kBurstSeconds = 4;

ByteCount or_share(ByteCount given, std::uint64_t memory, std::uint64_t share, ByteCount least, ByteCount most) {
  if (given.value != 0) return given;
  return {std::clamp(memory / share, least.value, most.value) / kDiskBlock * kDiskBlock};
}

VolumeOptions completed(VolumeOptions options, std::uint64_t memory) {
  options.buffer = or_share(options.buffer, memory, 32, kib(256), mib(4));
  options.queue = or_share(options.queue, memory, 16, mib(1), mib(64));
  return options;
}

void add(std::atomic<std::uint64_t>& count, std::uint64_t by = 1) { count.fetch_add(by, std::memory_order_relaxed); }
std::uint64_t get(const std::atomic<std::uint64_t>& count) { return count.load(std::memory_order_relaxed); }

MonoTime mono() { return std::chrono::steady_clock::now(); }

}  // namespace

VolumeStats& VolumeStats::operator+=(const VolumeStats& other) {
  for (std::uint64_t VolumeStats::* field :
       {&VolumeStats::objects, &VolumeStats::index_bytes, &VolumeStats::capacity_bytes, &VolumeStats::recovered,
        &VolumeStats::reads, &VolumeStats::read_errors, &VolumeStats::corrupt, &VolumeStats::writes,
        &VolumeStats::written_bytes, &VolumeStats::write_errors, &VolumeStats::stored, &VolumeStats::reinserted,
        &VolumeStats::dropped}) {
    this->*field += other.*field;
  }
  recovery_us = std::max(recovery_us, other.recovery_us);
  return *this;
}

Result<std::unique_ptr<DiskVolume>> DiskVolume::open(std::unique_ptr<BlockDevice> device, VolumeOptions options,
                                                     MemoryTier& memory, const PurgeLog& purges) {
  const VolumeOptions whole = completed(options, memory.budget().limit());
  std::unique_ptr<DiskVolume> volume(new DiskVolume(std::move(device), whole, memory, purges));
  YZ_CHECK(volume->start());
  return volume;
}

DiskVolume::DiskVolume(std::unique_ptr<BlockDevice> device, VolumeOptions options, MemoryTier& memory,
                       const PurgeLog& purges)
    : device_(std::move(device)), options_(options), memory_(memory), purges_(purges) {}

Status DiskVolume::start() {
  DiskLog::Shape shape;
  shape.region_size = options_.region.value;
  shape.buffer_size = options_.buffer.value;
  YZ_TRY(log_, DiskLog::open(*device_, shape));
  if (log_->purge_clock() > purges_.latest().value) {
    log::warn("disk cache {} is emptied: the purge log ends at {}, but purges up to {} were known when it was written",
              name(), purges_.latest().value, log_->purge_clock());
    YZ_CHECK(log_->format(log_->region_size()));
  }
  // The buffer, one record to move on, and the open region's table.
  const std::uint64_t held = 2 * options_.buffer.value + options_.buffer.value / 4 + log_->region_size() / 16;
  if (!memory_.make_room(held) || !memory_.budget().try_charge(held)) {
    return fail(Code::kLimit, fmt::format("disk cache {}: its buffers need {} of the cache's memory", name(),
                                          to_string(ByteCount{held})));
  }
  charged_ = held;
  index_ = std::make_unique<DiskIndex>(memory_.budget(), device_->size());
  id_ = log_->format_id();
  // After half of a region was taken by what is moved on, any record still fits.
  max_record_ = std::min({log_->max_record(), log_->region_size() / 8 * 3, options_.queue.value});
  recover();
  writer_ = std::thread([this] { work(); });
  return {};
}

void DiskVolume::recover() {
  const MonoTime began = mono();
  std::atomic<std::uint64_t> left_out{0};
  const auto report = log_->recover([&](const TableEntry& entry, std::uint64_t unit) {
    if (entry.kind == RecordKind::kErase) {
      index_->erase(entry.slot);
    } else if (!index_->put(entry.slot, unit, entry.size * static_cast<std::uint32_t>(kRecordUnit))) {
      // An older record must not be taken for this one.
      index_->erase(entry.slot);
      add(left_out);
    }
  });
  counts_.recovered = index_->size();
  counts_.recovery_us =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(mono() - began).count());
  if (report.regions > 0) {
    log::info("disk cache {}: {} records in {} regions ({} unsealed) found in {} ms", name(), get(counts_.recovered),
              report.regions, report.unsealed, get(counts_.recovery_us) / 1000);
  }
  if (left_out > 0) {
    log::warn("disk cache {}: the memory is too small for an index of all it holds; {} records are left out", name(),
              left_out.load());
  }
}

DiskVolume::~DiskVolume() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (writer_.joinable()) writer_.join();
  waiting_.clear();
  memory_.budget().release(charged_);
}

bool DiskVolume::holds(Hash128 slot) const {
  if (is_failed()) return false;
  if (index_->find(slot)) return true;
  const std::lock_guard lock(mutex_);
  return waiting_.contains(slot);
}

Ref<Object> DiskVolume::waiting(Hash128 slot) const {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(slot);
  return found == waiting_.end() ? Ref<Object>{} : found->second.object;
}

bool DiskVolume::is_at(Hash128 slot, std::uint64_t unit) const {
  const auto place = index_->find(slot);
  return !is_failed() && place && place->unit == unit;
}

bool DiskVolume::may_spend(std::uint64_t bytes) {
  if (options_.write_rate.value == 0) return true;
  const auto rate = static_cast<double>(options_.write_rate.value);
  const MonoTime now = mono();
  if (tokens_at_ == MonoTime{}) tokens_ = rate * kBurstSeconds;
  const double passed = tokens_at_ == MonoTime{} ? 0 : std::chrono::duration<double>(now - tokens_at_).count();
  tokens_ = std::min(tokens_ + passed * rate, rate * kBurstSeconds);
  tokens_at_ = now;
  if (tokens_ < static_cast<double>(bytes)) return false;
  tokens_ -= static_cast<double>(bytes);
  return true;
}

void DiskVolume::put(Ref<Object> object) {
  const std::uint64_t size = kRecordHeaderSize + payload_size_of(*object);
  if (size > max_record_) return;
  const Hash128 slot = object->slot();
  queue(slot, {std::move(object), {}, 0, size});
}

void DiskVolume::put_rule(Hash128 primary, std::string_view names, WallTime since) {
  std::string payload = encode_rule({since, names});
  const std::uint64_t size = kRecordHeaderSize + payload.size();
  queue(primary, {{}, std::move(payload), 0, size});
}

void DiskVolume::queue(Hash128 slot, Waiting waiting) {
  Waiting before;  // dropped after the lock
  {
    const std::lock_guard lock(mutex_);
    const bool is_full = waiting_bytes_ + waiting.weight > options_.queue.value || queue_.size() >= kMostQueued;
    if (is_failed() || is_stopping_ || is_full || mono() < paused_until_ || !may_spend(waiting.weight)) {
      add(counts_.dropped);
      return;
    }
    const auto kind = waiting.object ? RecordKind::kObject : RecordKind::kRule;
    waiting.ticket = next_ticket_++;
    queue_.push_back({slot, kind, waiting.ticket});
    waiting_bytes_ += waiting.weight;
    Waiting& there = waiting_[slot];
    waiting_bytes_ -= there.weight;
    before = std::exchange(there, std::move(waiting));
  }
  wake_.notify_one();
}

void DiskVolume::forget(Hash128 slot) {
  if (is_failed()) return;
  Waiting before;
  {
    const std::lock_guard lock(mutex_);
    bool was_here = index_->erase(slot);
    if (const auto found = waiting_.find(slot); found != waiting_.end()) {
      waiting_bytes_ -= found->second.weight;
      before = std::move(found->second);
      waiting_.erase(found);
      was_here = true;
    }
    if (!was_here) return;
    if (queue_.size() < kMostQueued) {
      queue_.push_back({slot, RecordKind::kErase, next_ticket_++});
      return;  // it is written with what comes next, or when the buffer is due
    }
  }
  give_up("it is too slow to note what was erased");
}

Result<DiskVolume::Read> DiskVolume::read(Hash128 slot) {
  if (is_failed()) return fail(Code::kNotFound, "the device was given up");
  const auto place = index_->touch(slot);
  if (!place) return fail(Code::kNotFound, "nothing is on disk");
  const std::uint64_t bytes = log_->read_size(*place);
  MemoryBudget& budget = memory_.budget();
  if (!budget.try_charge(bytes) && !(memory_.make_room(bytes) && budget.try_charge(bytes))) {
    return fail(Code::kLimit, "no memory is left to read from disk");
  }
  Read out;
  out.unit = place->unit;
  out.charge = std::shared_ptr<void>(&budget, [bytes](void* b) { static_cast<MemoryBudget*>(b)->release(bytes); });
  add(counts_.reads);
  auto record = log_->read(slot, *place);
  if (!record) {
    const Code code = record.error().code;
    if (code == Code::kNotFound || code == Code::kConflict) return fail(std::move(record).error());
    add(code == Code::kCorrupt ? counts_.corrupt : counts_.read_errors);
    index_->erase_at(slot, place->unit);
    note_read(false);
    return fail(std::move(record).error());
  }
  note_read(true);
  out.record = std::move(*record);
  return out;
}

void DiskVolume::note_read(bool is_good) {
  if (is_good) {
    if (read_failures_.load(std::memory_order_relaxed) != 0) read_failures_.store(0, std::memory_order_relaxed);
  } else if (read_failures_.fetch_add(1, std::memory_order_relaxed) + 1 == kMostReadFailures) {
    give_up("it cannot be read");
  }
}

void DiskVolume::give_up(std::string_view why) {
  std::unordered_map<Hash128, Waiting> dropped;
  {
    const std::lock_guard lock(mutex_);
    if (is_failed_.exchange(true)) return;
    dropped.swap(waiting_);
    queue_.clear();
    waiting_bytes_ = 0;
    index_->clear();
  }
  log::error("disk cache {} is given up: {}; serving goes on without it", name(), why);
  done_.notify_all();
}

void DiskVolume::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = ++flush_wanted_;
  wake_.notify_one();
  done_.wait(lock, [&] { return flush_done_ >= mine || is_failed(); });
}

VolumeStats DiskVolume::stats() const {
  VolumeStats out;
  out.objects = index_->size();
  out.index_bytes = index_->memory();
  out.capacity_bytes = device_->size();
  out.recovered = get(counts_.recovered);
  out.recovery_us = get(counts_.recovery_us);
  out.reads = get(counts_.reads);
  out.read_errors = get(counts_.read_errors);
  out.corrupt = get(counts_.corrupt);
  out.writes = get(counts_.writes);
  out.written_bytes = get(counts_.written_bytes);
  out.write_errors = get(counts_.write_errors);
  out.stored = get(counts_.stored);
  out.reinserted = get(counts_.reinserted);
  out.dropped = get(counts_.dropped);
  out.is_failed = is_failed();
  return out;
}

}  // namespace yz::cache
