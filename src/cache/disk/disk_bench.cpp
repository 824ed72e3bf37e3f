// What recovery, the index and a read cost.

#include <memory>

#include <benchmark/benchmark.h>

#include "base/file.h"
#include "base/random.h"
#include "cache/disk/disk_index.h"
#include "cache/disk/disk_log.h"

namespace yz::cache {
namespace {

void lookups_of_what_is_not_there(benchmark::State& state) {
  MemoryBudget budget(gib(1));
  DiskIndex index(budget, 20ULL << 30);
  Random random(1);
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    (void)index.put({random.next(), random.next()}, static_cast<std::uint64_t>(i), 4'096);
  }
  for (auto _ : state) benchmark::DoNotOptimize(index.find({random.next(), random.next()}));
  state.counters["bytes_each"] = static_cast<double>(index.memory()) / static_cast<double>(state.range(0));
}
BENCHMARK(lookups_of_what_is_not_there)->Arg(100'000)->Arg(1'000'000)->Arg(5'000'000);

/// A sparse device whose regions are all full: their tables are written, the records between them are not.
class FullDevice {
 public:
  FullDevice(ByteCount size, std::uint32_t record) {
    device_ = *open_block_device({folder_.path() / "cache", size, true});
    const auto log = *DiskLog::open(*device_, {0, mib(1).value});
    AlignedBuffer header(kDiskBlock);
    Random random(1);
    for (std::uint64_t r = 0; r < log->regions(); ++r) {
      const std::uint64_t start = 65'536 + r * log->region_size();
      encode_region_header(log->format_id(), r + 1).copy(header.data(), kDiskBlock);
      (void)device_->write(start, header.first(kDiskBlock));
      std::vector<TableEntry> table;
      for (std::uint64_t at = kDiskBlock; at + record + region_end_size(table.size() + 1) <= log->region_size();
           at += record) {
        table.push_back({{random.next(), random.next()},
                         static_cast<std::uint32_t>(at / kRecordUnit),
                         static_cast<std::uint32_t>(record / kRecordUnit),
                         RecordKind::kObject});
      }
      const std::string end = encode_region_end(log->format_id(), r + 1, table);
      AlignedBuffer bytes(end.size());
      end.copy(bytes.data(), end.size());
      (void)device_->write(start + log->region_size() - end.size(), bytes.first(end.size()));
    }
  }
  [[nodiscard]] BlockDevice& device() { return *device_; }

 private:
  TempFolder folder_;
  std::unique_ptr<BlockDevice> device_;
};

/// 20 GiB full of records of that many bytes, read past the page cache.
void recovery_of_20_gib(benchmark::State& state) {
  FullDevice full(gib(20), static_cast<std::uint32_t>(state.range(0)));
  std::uint64_t records = 0;
  for (auto _ : state) {
    MemoryBudget budget(gib(4));
    DiskIndex index(budget, full.device().size());
    const auto log = *DiskLog::open(full.device(), {0, mib(1).value});
    (void)log->recover([&](const TableEntry& entry, std::uint64_t unit) {
      (void)index.put(entry.slot, unit, entry.size * static_cast<std::uint32_t>(kRecordUnit));
    });
    records = index.size();
  }
  state.counters["records"] = static_cast<double>(records);
}
BENCHMARK(recovery_of_20_gib)->Arg(4'096)->Arg(16'384)->Arg(65'536)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace yz::cache
