#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/disk/block_device.h"
#include "cache/disk/disk_format.h"
#include "cache/disk/disk_index.h"

namespace yz::cache {

/// A record read back, sound and for the slot that was asked for. `payload` lies in `buffer`.
struct StoredRecord {
  AlignedBuffer buffer;
  RecordHeader header;
  std::string_view payload;
};

/// Records appended to a device in regions that are filled one after the other and used again in the same order; the
/// format is docs/formats/disk-cache.md. Knows bytes and places, not what is alive: that is the index's to say.
///
/// One thread opens, recovers and appends; any thread reads.
class DiskLog {
 public:
  struct Shape {
    std::uint64_t region_size = 0;  ///< of a device formatted now; 0: by its size
    std::uint64_t buffer_size = 0;  ///< written at a time; a record is at most as large
  };
  /// Reads the superblock; formats the device when it is empty, damaged or of another version. Fails with kInvalid when
  /// it is too small, and as the device does.
  [[nodiscard]] static Result<std::unique_ptr<DiskLog>> open(BlockDevice& device, const Shape& shape);

  /// Forgets everything on the device.
  [[nodiscard]] Status format(std::uint64_t region_size);
  /// The highest purge clock that was noted on the device.
  [[nodiscard]] std::uint64_t purge_clock() const { return mark_.purge_clock; }
  [[nodiscard]] Status note_purge_clock(std::uint64_t clock);

  struct Recovery {
    std::uint64_t regions = 0;   ///< that held something
    std::uint64_t unsealed = 0;  ///< of them, read record by record
  };
  /// Reads what the regions hold, in the order it was written as far as each slot goes, and gives each record with the
  /// unit where it lies on the device. `visit` is called from several threads, for one slot always the same.
  /// Nothing may be appended before. The region that was being filled is closed.
  using Visit = std::function<void(const TableEntry& entry, std::uint64_t unit)>;
  [[nodiscard]] Recovery recover(const Visit& visit);

  // --- appending ---
  /// The largest record that can be appended.
  [[nodiscard]] std::uint64_t max_record() const;
  /// True while a region is open and has room for one more record of that size.
  [[nodiscard]] bool has_room(std::uint64_t record_size) const;
  /// True when the buffer has room for it; else `write` first.
  [[nodiscard]] bool fits(std::uint64_t record_size) const;
  /// Adds a record to the buffer; its payload is all pieces together. Returns the unit where it will lie.
  [[nodiscard]] std::uint64_t append(Hash128 slot, RecordKind kind, std::span<const std::string_view> payload);
  /// Writes the buffer. On failure what was in it is lost, and nothing else.
  [[nodiscard]] Status write();
  /// Closes the open region, if there is one, with its table. The buffer has been written.
  [[nodiscard]] Status seal();
  /// Opens the next region. What it held is overwritten from now on.
  void begin_region();
  /// The units of the region that will be opened after this one.
  struct Range {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
  };
  [[nodiscard]] Range next_range() const;
  /// What that region holds; none when that cannot be read.
  [[nodiscard]] std::optional<std::vector<TableEntry>> next_table();

  // --- reading, any thread ---
  /// Fails with kNotFound when the record is sound but of another slot, kConflict when its region was used again
  /// meanwhile, kCorrupt when it is not sound, and as the device does.
  [[nodiscard]] Result<StoredRecord> read(Hash128 slot, const DiskIndex::Place& place);
  /// Bytes `read` takes from the device, and of memory.
  [[nodiscard]] std::uint64_t read_size(const DiskIndex::Place& place) const;

  [[nodiscard]] std::uint64_t region_size() const { return super_.region_size; }
  [[nodiscard]] std::uint32_t regions() const { return regions_; }
  [[nodiscard]] std::uint64_t format_id() const { return super_.format; }

 private:
  struct Loaded;
  DiskLog(BlockDevice& device, std::uint64_t buffer_size);
  [[nodiscard]] Status load(const Shape& shape);
  void take_shape();
  void load_mark();
  [[nodiscard]] std::uint64_t start_of(std::uint32_t region) const;
  [[nodiscard]] std::optional<std::uint64_t> read_header(std::uint32_t region);
  [[nodiscard]] std::optional<RegionTrailer> read_trailer(std::uint32_t region);
  [[nodiscard]] std::optional<std::vector<TableEntry>> read_table(std::uint32_t region, const RegionTrailer& trailer);
  [[nodiscard]] std::vector<TableEntry> scan(std::uint32_t region, std::uint64_t seq);
  [[nodiscard]] Loaded load_region(std::uint32_t region, std::uint64_t seq);
  void close(std::uint32_t region, std::vector<TableEntry> table);
  [[nodiscard]] std::size_t most_entries() const;

  BlockDevice& device_;
  Superblock super_;
  PurgeMark mark_;
  std::uint32_t regions_ = 0;
  std::unique_ptr<std::atomic<std::uint64_t>[]> seqs_;  ///< of each region; 0: never used
  std::uint64_t next_seq_ = 1;
  std::uint32_t next_region_ = 0;
  // The open region.
  bool is_open_ = false;
  std::uint32_t region_ = 0;
  std::uint64_t written_ = 0;  ///< bytes of it on the device
  AlignedBuffer buffer_;
  std::uint64_t used_ = 0;  ///< bytes of the buffer
  std::vector<TableEntry> table_;
  std::size_t table_written_ = 0;  ///< entries of it that are on the device
};

/// The region size for a device of that many bytes.
[[nodiscard]] std::uint64_t default_region_size(std::uint64_t device);

}  // namespace yz::cache
