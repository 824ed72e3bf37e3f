#include "cache/disk/disk_log.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"

namespace yz::cache {

namespace {

/// Superblock and marks; the rest of it is free.
constexpr std::uint64_t kHead = 64 * 1024;
constexpr std::uint32_t kFewestRegions = 4;

std::uint64_t draw_format() {
  const std::string bytes = secret_bytes(sizeof(std::uint64_t));
  std::uint64_t format = 0;
  std::memcpy(&format, bytes.data(), sizeof format);
  return format;
}

constexpr std::uint64_t rounded(std::uint64_t size, std::uint64_t to) { return (size + to - 1) / to * to; }

}  // namespace

std::uint64_t default_region_size(std::uint64_t device) {
  return std::clamp(std::bit_floor(device / 64), mib(1).value, mib(64).value);
}

DiskLog::DiskLog(BlockDevice& device, std::uint64_t buffer_size) : device_(device), buffer_(buffer_size) {}

Result<std::unique_ptr<DiskLog>> DiskLog::open(BlockDevice& device, const Shape& shape) {
  std::unique_ptr<DiskLog> log(new DiskLog(device, shape.buffer_size));
  YZ_CHECK(log->load(shape));
  return log;
}

Status DiskLog::load(const Shape& shape) {
  const std::uint64_t wanted =
      rounded(shape.region_size != 0 ? shape.region_size : default_region_size(device_.size()), kDiskBlock);
  if (device_.size() > DiskIndex::kMaxDevice) return fail(Code::kInvalid, device_.name() + " is larger than 4 TiB");
  if (device_.size() < kHead + kFewestRegions * wanted || wanted < 4 * kDiskBlock) {
    return fail(Code::kInvalid, fmt::format("{} is too small: a disk cache needs at least {}", device_.name(),
                                            to_string(ByteCount{kHead + kFewestRegions * wanted})));
  }
  AlignedBuffer block(kDiskBlock);
  YZ_CHECK(device_.read(0, block.first(kDiskBlock)));
  const auto found = decode_superblock(block.view(0, kDiskBlock));
  const bool fits = found && device_.size() >= kHead + kFewestRegions * found->region_size;
  if (!fits) {
    if (found.has_value() || found.error().code != Code::kNotFound) {
      log::warn("disk cache {} begins anew: {}", device_.name(), found ? "it has shrunk" : found.error().message);
    }
    return format(wanted);
  }
  super_ = *found;
  take_shape();
  load_mark();
  return {};
}

void DiskLog::take_shape() {
  regions_ = static_cast<std::uint32_t>((device_.size() - kHead) / super_.region_size);
  seqs_ = std::make_unique<std::atomic<std::uint64_t>[]>(regions_);
  next_seq_ = 1;
  next_region_ = 0;
  is_open_ = false;
  used_ = 0;
  table_.clear();
  mark_ = {};
}

Status DiskLog::format(std::uint64_t region_size) {
  super_ = {draw_format(), region_size};
  take_shape();
  AlignedBuffer block(kDiskBlock);
  encode_superblock(super_).copy(block.data(), kDiskBlock);
  YZ_CHECK(device_.write(0, block.first(kDiskBlock)));
  return device_.sync();
}

void DiskLog::load_mark() {
  AlignedBuffer block(kDiskBlock);
  for (std::uint64_t i = 1; i <= 2; ++i) {
    if (!device_.read(i * kDiskBlock, block.first(kDiskBlock))) continue;
    const auto mark = decode_purge_mark(super_.format, block.view(0, kDiskBlock));
    if (mark && mark->number >= mark_.number) mark_ = *mark;
  }
}

Status DiskLog::note_purge_clock(std::uint64_t clock) {
  if (clock <= mark_.purge_clock) return {};
  const PurgeMark next{mark_.number + 1, clock};
  AlignedBuffer block(kDiskBlock);
  encode_purge_mark(super_.format, next).copy(block.data(), kDiskBlock);
  YZ_CHECK(device_.write((1 + next.number % 2) * kDiskBlock, block.first(kDiskBlock)));
  mark_ = next;
  return {};
}

std::uint64_t DiskLog::start_of(std::uint32_t region) const { return kHead + region * super_.region_size; }

// --- appending ---

std::size_t DiskLog::most_entries() const { return super_.region_size / 512; }

std::uint64_t DiskLog::max_record() const {
  const std::uint64_t in_region = super_.region_size - kDiskBlock - region_end_size(1);
  // The first buffer of a region begins with the region's header.
  return std::min(
      {buffer_.size() - kDiskBlock, in_region / kDiskBlock * kDiskBlock, std::uint64_t{DiskIndex::kMaxSize}});
}

bool DiskLog::has_room(std::uint64_t record_size) const {
  if (!is_open_ || table_.size() >= most_entries()) return false;
  // Written as a buffer of its own in the worst case.
  const std::uint64_t end = rounded(written_ + rounded(used_, kDiskBlock) + record_size, kDiskBlock);
  return end + region_end_size(table_.size() + 1) <= super_.region_size;
}

bool DiskLog::fits(std::uint64_t record_size) const { return used_ + record_size <= buffer_.size(); }

std::uint64_t DiskLog::append(Hash128 slot, RecordKind kind, std::span<const std::string_view> payload) {
  RecordHeader header;
  header.region_seq = seqs_[region_].load(std::memory_order_relaxed);
  header.slot = slot;
  header.kind = kind;
  for (const std::string_view piece : payload) {
    header.payload_size += static_cast<std::uint32_t>(piece.size());
    header.payload_crc = crc32c(piece, header.payload_crc);
  }
  const std::uint64_t size = header.record_size();
  YZ_ASSERT(has_room(size) && fits(size));
  std::string head;
  append_record_header(head, super_.format, header);
  char* at = buffer_.data() + used_;
  at += head.copy(at, head.size());
  for (const std::string_view piece : payload) at += piece.copy(at, piece.size());
  char* const end = buffer_.data() + used_ + size;
  std::fill(at, end, '\0');
  const std::uint64_t offset = written_ + used_;
  used_ += size;
  table_.push_back(
      {slot, static_cast<std::uint32_t>(offset / kRecordUnit), static_cast<std::uint32_t>(size / kRecordUnit), kind});
  return (start_of(region_) + offset) / kRecordUnit;
}

Status DiskLog::write() {
  if (used_ == 0) return {};
  const std::uint64_t size = rounded(used_, kDiskBlock);
  std::fill(buffer_.data() + used_, buffer_.data() + size, '\0');
  const std::uint64_t at = start_of(region_) + written_;
  // Whatever comes of it, these blocks are not written again: half of it may be there.
  written_ += size;
  used_ = 0;
  const Status done = device_.write(at, buffer_.first(size));
  if (!done) table_.resize(table_written_);
  table_written_ = table_.size();
  return done;
}

Status DiskLog::seal() {
  if (!is_open_) return {};
  is_open_ = false;
  const std::string end = encode_region_end(super_.format, seqs_[region_].load(std::memory_order_relaxed), table_);
  table_.clear();
  AlignedBuffer bytes(end.size());
  end.copy(bytes.data(), end.size());
  YZ_CHECK(device_.write(start_of(region_) + super_.region_size - end.size(), bytes.first(end.size())));
  return device_.sync();
}

void DiskLog::begin_region() {
  region_ = next_region_;
  next_region_ = (region_ + 1) % regions_;
  seqs_[region_].store(next_seq_++, std::memory_order_release);
  is_open_ = true;
  written_ = 0;
  table_.clear();
  table_written_ = 0;
  encode_region_header(super_.format, seqs_[region_].load(std::memory_order_relaxed)).copy(buffer_.data(), kDiskBlock);
  used_ = kDiskBlock;
}

DiskLog::Range DiskLog::next_range() const {
  const std::uint64_t from = start_of(next_region_);
  return {from / kRecordUnit, (from + super_.region_size) / kRecordUnit};
}

std::optional<std::vector<TableEntry>> DiskLog::next_table() {
  const std::uint64_t seq = seqs_[next_region_].load(std::memory_order_relaxed);
  if (seq == 0) return std::vector<TableEntry>{};
  const auto trailer = read_trailer(next_region_);
  if (!trailer || trailer->seq != seq) return std::nullopt;
  return read_table(next_region_, *trailer);
}

// --- reading ---

std::uint64_t DiskLog::read_size(const DiskIndex::Place& place) const {
  const std::uint64_t offset = place.unit * kRecordUnit;
  const std::uint64_t begin = offset / kDiskBlock * kDiskBlock;
  const std::uint64_t region_end = start_of(static_cast<std::uint32_t>((offset - kHead) / super_.region_size) + 1);
  return std::min(rounded(offset + place.size, kDiskBlock), region_end) - begin;
}

Result<StoredRecord> DiskLog::read(Hash128 slot, const DiskIndex::Place& place) {
  const std::uint64_t offset = place.unit * kRecordUnit;
  if (offset < kHead || offset >= start_of(regions_)) return fail(Code::kCorrupt, "a place outside of the device");
  const auto& region_seq = seqs_[(offset - kHead) / super_.region_size];
  const std::uint64_t seq = region_seq.load(std::memory_order_acquire);
  const std::uint64_t size = read_size(place);
  StoredRecord record;
  record.buffer = AlignedBuffer(size);
  YZ_CHECK(device_.read(offset / kDiskBlock * kDiskBlock, record.buffer.first(size)));
  const std::string_view bytes = record.buffer.view(offset % kDiskBlock, size - offset % kDiskBlock);
  const auto header = decode_record_header(super_.format, bytes);
  const bool is_whole = header && header->region_seq == seq && header->payload_size <= bytes.size() - kRecordHeaderSize;
  if (is_whole && header->slot != slot) return fail(Code::kNotFound, "a record of another slot");
  if (is_whole) record.payload = bytes.substr(kRecordHeaderSize, header->payload_size);
  if (!is_whole || !is_sound(*header, record.payload)) {
    if (region_seq.load(std::memory_order_acquire) != seq) return fail(Code::kConflict, "the region was used again");
    return fail(Code::kCorrupt, fmt::format("{} holds a damaged record at {}", device_.name(), offset));
  }
  record.header = *header;
  return record;
}

}  // namespace yz::cache
