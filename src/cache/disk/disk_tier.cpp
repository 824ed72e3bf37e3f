#include "cache/disk/disk_tier.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "cache/disk/disk_format.h"
#include "cache/purge_log.h"
#include "io/reactor.h"
#include "metrics/registry.h"

namespace yz::cache {

namespace {

/// Names of objects seen once, for the memory there is: eight bytes each, 0.2 % of it.
std::size_t seen_names(std::uint64_t memory) { return std::clamp<std::size_t>(memory / 4096, 1024, 1 << 20); }

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

/// -weight / ln(hash): the largest wins (weighted rendezvous hashing).
double score(Hash128 slot, std::uint64_t device, std::uint64_t weight) {
  std::uint64_t mixed = (slot.high ^ device) * 0x9e3779b97f4a7c15ULL;
  mixed = (mixed ^ mixed >> 32 ^ slot.low) * 0xd6e8feb86659fd93ULL;
  const double unit = (static_cast<double>((mixed ^ mixed >> 32) >> 11) + 0.5) * 0x1p-53;
  return -static_cast<double>(weight) / std::log(unit);
}

}  // namespace

/// Brings one slot back on a reader's thread, and tells those who wait even when it is dropped unrun.
class DiskTier::Job {
 public:
  Job(DiskTier& tier, DiskVolume& volume, Hash128 slot, std::shared_ptr<Recall> recall)
      : tier_(&tier), volume_(&volume), slot_(slot), recall_(std::move(recall)) {}
  Job(Job&&) noexcept = default;
  Job& operator=(Job&&) = delete;
  ~Job() {
    if (recall_) end(false);
  }
  void operator()() { end(tier_->bring_back(*volume_, slot_)); }

 private:
  void end(bool is_found) {
    const std::shared_ptr<Recall> recall = std::exchange(recall_, nullptr);
    {
      const std::lock_guard lock(tier_->mutex_);
      tier_->recalls_.erase(slot_);
    }
    recall->is_found.store(is_found, std::memory_order_release);
    recall->done.set();
  }

  DiskTier* tier_;
  DiskVolume* volume_;
  Hash128 slot_;
  std::shared_ptr<Recall> recall_;
};

DiskTier::DiskTier(DiskOptions options, MemoryTier& memory, const PurgeLog& purges)
    : options_(std::move(options)), memory_(memory), purges_(purges) {}

Result<std::unique_ptr<DiskTier>> DiskTier::open(DiskOptions options, MemoryTier& memory, const PurgeLog& purges) {
  std::unique_ptr<DiskTier> tier(new DiskTier(std::move(options), memory, purges));
  const auto& places = tier->options_.places;
  std::vector<Result<std::unique_ptr<DiskVolume>>> opened(places.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < places.size(); ++i) {
    threads.emplace_back([&, i] {
      auto device = tier->options_.open(places[i]);
      opened[i] = device ? DiskVolume::open(std::move(*device), tier->options_.volume, memory, purges)
                         : fail(std::move(device).error());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::uint64_t capacity = 0;
  for (auto& volume : opened) {
    if (!volume) {
      if (volume.error().code == Code::kInvalid) return fail(std::move(volume).error());
      log::error("a disk cache is left out: {}", volume.error().message);
      ++tier->unopened_;
      continue;
    }
    capacity += (*volume)->capacity();
    tier->devices_.push_back({std::move(*volume), std::make_unique<io::BlockingPool>(io::BlockingPool::Options{
                                                      tier->options_.readers, tier->options_.waiting_reads})});
  }
  const std::size_t names = seen_names(memory.budget().limit());
  tier->charged_ = Ghost::bytes_for(names);
  if (!memory.make_room(tier->charged_) || !memory.budget().try_charge(tier->charged_)) {
    tier->charged_ = 0;
    return fail(Code::kLimit, "the cache's memory is too small for a disk tier");
  }
  tier->seen_ = std::make_unique<Ghost>(names, std::max<std::uint64_t>(capacity, 1));
  memory.set_listener(tier.get());
  return tier;
}

DiskTier::~DiskTier() {
  memory_.set_listener(nullptr);
  for (Device& device : devices_) device.readers.reset();
  devices_.clear();
  memory_.budget().release(charged_);
}

const DiskTier::Device* DiskTier::device_of(Hash128 slot) const {
  const Device* best = nullptr;
  double best_score = 0;
  for (const Device& device : devices_) {
    if (device.volume->is_failed()) continue;
    const double own = devices_.size() == 1 ? 1 : score(slot, device.volume->id(), device.volume->capacity());
    if (best != nullptr && own <= best_score) continue;
    best = &device;
    best_score = own;
  }
  return best;
}

bool DiskTier::holds(Hash128 slot) const {
  const Device* const device = device_of(slot);
  return device != nullptr && device->volume->holds(slot);
}

// --- reading ---

std::shared_ptr<DiskTier::Recall> DiskTier::join(Hash128 slot) {
  const Device* const device = device_of(slot);
  if (device == nullptr) return nullptr;
  auto recall = std::make_shared<Recall>();
  {
    const std::lock_guard lock(mutex_);
    const auto [there, is_new] = recalls_.try_emplace(slot, recall);
    if (!is_new) return there->second;
  }
  // A job that is refused tells those who joined meanwhile that there is nothing.
  if (!device->readers->submit(Job(*this, *device->volume, slot, recall))) return nullptr;
  return recall;
}

io::Task<bool> DiskTier::recall(Hash128 slot) {
  const std::shared_ptr<Recall> one = join(slot);
  if (!one) {
    count(skipped_);
    co_return false;
  }
  if (!co_await one->done.wait(io::Reactor::current().in(options_.read_timeout))) {
    count(skipped_);
    co_return false;
  }
  co_return one->is_found.load(std::memory_order_acquire);
}

bool DiskTier::recall_now(Hash128 slot) {
  const Device* const device = device_of(slot);
  return device != nullptr && bring_back(*device->volume, slot);
}

bool DiskTier::bring_back(DiskVolume& volume, Hash128 slot) {
  const InvalidationMarks::Mark mark = changes_.at(slot);
  bool is_back = false;
  if (Ref<Object> waiting = volume.waiting(slot)) {
    is_back = put(waiting, mark);
  } else if (const auto read = volume.read(slot)) {
    is_back = read->record.header.kind == RecordKind::kRule ? bring_back_rule(slot, read->record.payload, mark)
                                                            : bring_back_object(volume, slot, *read, mark);
  }
  count(is_back ? hits_ : misses_);
  return is_back;
}

bool DiskTier::bring_back_rule(Hash128 slot, std::string_view payload, InvalidationMarks::Mark mark) {
  const auto rule = decode_rule(payload);
  if (!rule || !memory_.add_rule_if_absent(slot, rule->names, rule->since)) return false;
  if (!changes_.is_raised(slot, mark)) return true;
  if (const Ref<VaryRule> put = memory_.find(slot).rule) memory_.remove(*put);
  return false;
}

bool DiskTier::bring_back_object(DiskVolume& volume, Hash128 slot, const DiskVolume::Read& read,
                                 InvalidationMarks::Mark mark) {
  const auto payload = decode_object(read.record.payload);
  if (!payload || payload->meta.key.slot() != slot) return false;
  const ObjectMeta& meta = payload->meta;
  bool is_void = purges_.verdict(meta.born, meta.base, meta.host, meta.target, meta.tags) == PurgeVerdict::kDead;
  if (!meta.vary.empty()) {
    const Ref<VaryRule> rule = memory_.find(meta.key.primary).rule;
    is_void = is_void || (rule && (rule->names() != meta.vary || meta.response_time < rule->since()));
  }
  if (is_void) {
    volume.forget(slot);
    return false;
  }
  const Ref<Object> object = memory_.make_object(meta, std::span(&payload->body, 1));
  if (!object) return false;
  object->note_on_disk();
  return put(object, mark);
}

bool DiskTier::put(const Ref<Object>& object, InvalidationMarks::Mark mark) {
  const Hash128 slot = object->slot();
  // What is there already is newer, or the same.
  if (!memory_.put_if_absent(object)) return static_cast<bool>(memory_.find(slot));
  if (!changes_.is_raised(slot, mark)) return true;
  memory_.remove(*object);
  return false;
}

// --- writing ---

bool DiskTier::is_worth_it(const Object& object, bool was_used) {
  if (was_used) return true;
  const Hash128 slot = object.slot();
  const std::lock_guard lock(admission_mutex_);
  if (seen_->take(slot)) return true;
  seen_->add(slot, object.weight());
  return false;
}

void DiskTier::evicted(const Ref<Object>& object, bool was_used) {
  const Hash128 slot = object->slot();
  const Device* const device = device_of(slot);
  if (device == nullptr || device->volume->waiting(slot).get() == object.get()) return;
  if (object->is_on_disk() && device->volume->holds(slot)) return;
  if (!is_worth_it(*object, was_used)) {
    count(refused_);
    return;
  }
  write(object);
}

void DiskTier::write(const Ref<Object>& object) {
  const Device* const device = device_of(object->slot());
  if (device == nullptr) return;
  device->volume->put(object);
  if (object->vary().empty()) return;
  const Hash128 primary = object->key().primary;
  const Device* const of_rule = device_of(primary);
  if (of_rule == nullptr || of_rule->volume->holds(primary)) return;
  const Ref<VaryRule> rule = memory_.find(primary).rule;
  const bool is_known = rule && rule->names() == object->vary();
  of_rule->volume->put_rule(primary, object->vary(), is_known ? rule->since() : object->response_time());
}

void DiskTier::forget(Hash128 slot) {
  // Before, so that what is being read is seen through; after, so that what was read in between is, too.
  changes_.raise(slot);
  for (const Device& device : devices_) device.volume->forget(slot);
  changes_.raise(slot);
}

void DiskTier::flush() {
  for (const Device& device : devices_) {
    if (!device.volume->is_failed()) device.volume->flush();
  }
}

// --- what it tells ---

DiskStats DiskTier::stats() const {
  DiskStats out;
  out.failed = unopened_;
  for (const Device& device : devices_) {
    const VolumeStats one = device.volume->stats();
    out.volumes += one;
    ++(one.is_failed ? out.failed : out.devices);
  }
  out.hits = hits_.load(std::memory_order_relaxed);
  out.misses = misses_.load(std::memory_order_relaxed);
  out.skipped = skipped_.load(std::memory_order_relaxed);
  out.refused = refused_.load(std::memory_order_relaxed);
  return out;
}

void DiskTier::expose(metrics::Registry& registry) const {
  const auto gauge = [&](const char* name, const char* help, auto read) {
    registry.gauge_from(name, help, {}, [this, read] { return static_cast<double>(read(stats())); });
  };
  const auto counter = [&](const char* name, const char* help, auto read) {
    registry.counter_from(name, help, {}, [this, read] { return static_cast<double>(read(stats())); });
  };
  using S = const DiskStats&;
  gauge("yz_cache_disk_devices", "Devices of the disk tier that work.", [](S s) { return s.devices; });
  gauge("yz_cache_disk_failed_devices", "Devices that were given up or could not be opened.",
        [](S s) { return s.failed; });
  gauge("yz_cache_disk_capacity_bytes", "Size of the devices.", [](S s) { return s.volumes.capacity_bytes; });
  gauge("yz_cache_disk_objects", "Records on disk that can be found.", [](S s) { return s.volumes.objects; });
  gauge("yz_cache_disk_index_bytes", "Memory of the index of what is on disk.",
        [](S s) { return s.volumes.index_bytes; });
  gauge("yz_cache_disk_recovered_objects", "Records found at the start.", [](S s) { return s.volumes.recovered; });
  gauge("yz_cache_disk_recovery_seconds", "How long finding them took.",
        [](S s) { return static_cast<double>(s.volumes.recovery_us) / 1e6; });
  counter("yz_cache_disk_hits_total", "Objects brought back to memory.", [](S s) { return s.hits; });
  counter("yz_cache_disk_misses_total", "Lookups on disk that found nothing that could be used.",
          [](S s) { return s.misses; });
  counter("yz_cache_disk_skipped_total", "Lookups that did not wait for a slow or busy device.",
          [](S s) { return s.skipped; });
  counter("yz_cache_disk_refused_total", "Objects not written because they were asked for once.",
          [](S s) { return s.refused; });
  counter("yz_cache_disk_stored_total", "Objects written.", [](S s) { return s.volumes.stored; });
  counter("yz_cache_disk_dropped_total", "Objects not written: queue full, write budget spent, device full or failing.",
          [](S s) { return s.volumes.dropped; });
  counter("yz_cache_disk_reinserted_total", "Objects written again because they were asked for.",
          [](S s) { return s.volumes.reinserted; });
  counter("yz_cache_disk_reads_total", "Reads of records.", [](S s) { return s.volumes.reads; });
  counter("yz_cache_disk_writes_total", "Writes of buffers.", [](S s) { return s.volumes.writes; });
  counter("yz_cache_disk_written_bytes_total", "Bytes of records written.",
          [](S s) { return s.volumes.written_bytes; });
  counter("yz_cache_disk_read_errors_total", "Reads that failed.", [](S s) { return s.volumes.read_errors; });
  counter("yz_cache_disk_write_errors_total", "Writes that failed.", [](S s) { return s.volumes.write_errors; });
  counter("yz_cache_disk_corrupt_total", "Records that did not match their checksum.",
          [](S s) { return s.volumes.corrupt; });
}

}  // namespace yz::cache
