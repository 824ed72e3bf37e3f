#include <algorithm>
#include <array>
#include <future>
#include <thread>

#include "cache/disk/disk_log.h"

namespace yz::cache {

namespace {

/// Waits for the device overlap; more helps little.
constexpr unsigned kReaders = 8;
/// Regions whose tables are held at a time.
constexpr std::size_t kBatch = 32;

/// Calls `work(i)` for each i below `count`, on several threads.
template <typename Work>
void in_parallel(std::size_t count, unsigned threads, Work&& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) work(i);
  };
  std::vector<std::thread> others;
  for (unsigned t = 1; t < std::min<std::size_t>(threads, count); ++t) others.emplace_back(run);
  run();
  for (std::thread& other : others) other.join();
}

struct RegionName {
  std::uint32_t region = 0;
  std::uint64_t seq = 0;
};

}  // namespace

/// A region's table, however it was got.
struct DiskLog::Loaded {
  std::vector<TableEntry> table;
  bool is_sealed = false;
};

std::optional<std::uint64_t> DiskLog::read_header(std::uint32_t region) {
  AlignedBuffer block(kDiskBlock);
  if (!device_.read(start_of(region), block.first(kDiskBlock))) return std::nullopt;
  return decode_region_header(super_.format, block.view(0, kDiskBlock));
}

std::optional<RegionTrailer> DiskLog::read_trailer(std::uint32_t region) {
  AlignedBuffer block(kDiskBlock);
  const std::uint64_t at = start_of(region) + super_.region_size - kDiskBlock;
  if (!device_.read(at, block.first(kDiskBlock))) return std::nullopt;
  const auto trailer = decode_region_trailer(super_.format, block.view(0, kDiskBlock));
  if (!trailer || region_end_size(trailer->count) > super_.region_size - kDiskBlock) return std::nullopt;
  return trailer;
}

std::optional<std::vector<TableEntry>> DiskLog::read_table(std::uint32_t region, const RegionTrailer& trailer) {
  const std::uint64_t size = region_end_size(trailer.count) - kDiskBlock;
  if (size == 0) return std::vector<TableEntry>{};
  AlignedBuffer bytes(size);
  const std::uint64_t at = start_of(region) + super_.region_size - kDiskBlock - size;
  if (!device_.read(at, bytes.first(size))) return std::nullopt;
  return decode_table(trailer, bytes.view(0, size), super_.region_size);
}

/// Reads a region that has no table record by record. What is not sound is stepped over a block at a time: a buffer
/// that was torn ends somewhere, and the next began at a block.
std::vector<TableEntry> DiskLog::scan(std::uint32_t region, std::uint64_t seq) {
  constexpr std::uint64_t kWindow = 1 << 20;
  std::vector<TableEntry> table;
  AlignedBuffer window;
  std::uint64_t window_at = 0;
  std::uint64_t window_end = 0;
  // Makes [at, at + size) of the region readable, or says that it is not.
  const auto bytes_at = [&](std::uint64_t at, std::uint64_t size) -> std::string_view {
    if (at + size > super_.region_size) return {};
    if (at < window_at || at + size > window_end) {
      window_at = at / kDiskBlock * kDiskBlock;
      const std::uint64_t wanted = (std::max(size, kWindow) + 2 * kDiskBlock - 1) / kDiskBlock * kDiskBlock;
      const std::uint64_t take = std::min(wanted, super_.region_size - window_at);
      if (window.size() < take) window = AlignedBuffer(take);
      window_end = device_.read(start_of(region) + window_at, window.first(take)) ? window_at + take : window_at;
    }
    return at + size > window_end ? std::string_view() : window.view(at - window_at, size);
  };
  for (std::uint64_t at = kDiskBlock; at + kRecordHeaderSize <= super_.region_size;) {
    const auto header = decode_record_header(super_.format, bytes_at(at, kRecordHeaderSize));
    if (header && header->region_seq == seq) {
      const std::string_view payload = bytes_at(at + kRecordHeaderSize, header->payload_size);
      if (is_sound(*header, payload)) {
        table.push_back({header->slot, static_cast<std::uint32_t>(at / kRecordUnit),
                         static_cast<std::uint32_t>(header->record_size() / kRecordUnit), header->kind});
        at += header->record_size();
        continue;
      }
    }
    at = at / kDiskBlock * kDiskBlock + kDiskBlock;
  }
  return table;
}

DiskLog::Loaded DiskLog::load_region(std::uint32_t region, std::uint64_t seq) {
  if (const auto trailer = read_trailer(region); trailer && trailer->seq == seq) {
    if (auto table = read_table(region, *trailer)) return {std::move(*table), true};
  }
  return {scan(region, seq), false};
}

/// Appending goes on in the next region: behind what was torn here, older records of the same region may lie. One that
/// holds nothing is begun again.
void DiskLog::close(std::uint32_t region, std::vector<TableEntry> table) {
  if (table.empty()) {
    next_region_ = region;
    return;
  }
  region_ = region;
  is_open_ = true;
  table_ = std::move(table);
  // Without its table it is read record by record next time, too.
  (void)seal();
}

DiskLog::Recovery DiskLog::recover(const Visit& visit) {
  Recovery report;
  std::vector<std::uint64_t> seqs(regions_, 0);
  in_parallel(regions_, kReaders,
              [&](std::size_t i) { seqs[i] = read_header(static_cast<std::uint32_t>(i)).value_or(0); });
  std::vector<RegionName> order;
  for (std::uint32_t i = 0; i < regions_; ++i) {
    seqs_[i].store(seqs[i], std::memory_order_relaxed);
    if (seqs[i] != 0) order.push_back({i, seqs[i]});
  }
  if (order.empty()) return report;
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.seq < b.seq; });
  const RegionName newest = order.back();
  next_seq_ = newest.seq + 1;
  next_region_ = (newest.region + 1) % regions_;
  // The region to be written next must hold nothing anyone refers to; it was given up before the end, too.
  std::erase_if(order, [&](const RegionName& name) { return name.region == next_region_; });
  report.regions = order.size();

  const auto load_batch = [&](std::size_t from) {
    std::vector<Loaded> loaded(std::min(kBatch, order.size() - from));
    in_parallel(loaded.size(), kReaders,
                [&](std::size_t i) { loaded[i] = load_region(order[from + i].region, order[from + i].seq); });
    return loaded;
  };
  // A slot belongs to one part, so that its records are seen in order.
  const unsigned parts = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  std::future<std::vector<Loaded>> coming = std::async(std::launch::async, load_batch, std::size_t{0});
  for (std::size_t from = 0; from < order.size(); from += kBatch) {
    std::vector<Loaded> batch = coming.get();
    if (from + kBatch < order.size()) coming = std::async(std::launch::async, load_batch, from + kBatch);
    in_parallel(parts, parts, [&](std::size_t part) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const std::uint64_t base = start_of(order[from + i].region) / kRecordUnit;
        for (const TableEntry& entry : batch[i].table) {
          if (entry.slot.low % parts == part) visit(entry, base + entry.unit);
        }
      }
    });
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].is_sealed) continue;
      ++report.unsealed;
      if (order[from + i].region == newest.region) close(newest.region, std::move(batch[i].table));
    }
  }
  return report;
}

}  // namespace yz::cache
