#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <vector>

#include "base/hash.h"
#include "cache/disk/disk_log.h"

namespace {

using namespace yz::cache;

constexpr std::uint64_t kRegion = 32 * 1024;
constexpr std::uint64_t kHead = 64 * 1024;
constexpr std::uint64_t kDevice = kHead + 4 * kRegion;

class MemoryDevice final : public BlockDevice {
 public:
  explicit MemoryDevice(std::string& bytes) : bytes_(bytes) {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  [[nodiscard]] yz::Status read(std::uint64_t offset, std::span<char> out) override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return {};
  }
  [[nodiscard]] yz::Status write(std::uint64_t offset, std::span<const char> bytes) override {
    std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
    return {};
  }
  [[nodiscard]] yz::Status sync() override { return {}; }

 private:
  std::string& bytes_;
  std::string name_ = "memory";
};

std::string body_of(std::uint64_t number) {
  return std::string(number * 397 % 3'000 + 1, static_cast<char>('a' + number % 26));
}

yz::Hash128 slot_of(std::uint64_t number) { return {number * 0x9e3779b97f4a7c15ULL, number}; }

/// A device with a few regions of known records.
std::string written() {
  std::string bytes(kDevice, '\0');
  MemoryDevice device(bytes);
  const auto log = *DiskLog::open(device, {kRegion, 16 * 1024});
  for (std::uint64_t i = 0; i < 60; ++i) {
    const std::string body = body_of(i);
    const std::string_view payload[] = {body};
    const std::uint64_t size = (kRecordHeaderSize + body.size() + kRecordUnit - 1) / kRecordUnit * kRecordUnit;
    if (!log->has_room(size)) {
      (void)log->write();
      (void)log->seal();
      log->begin_region();
    }
    if (!log->fits(size)) (void)log->write();
    (void)log->append(slot_of(i), RecordKind::kObject, payload);
  }
  (void)log->write();
  return bytes;
}

/// What comes back from a device with some bytes changed is what was written, or nothing.
void recover_changed(const std::uint8_t* data, std::size_t size) {
  static const std::string sound = written();
  std::string bytes = sound;
  // Four bytes each: where (in steps of 16 below the end), and what.
  for (; size >= 4; data += 4, size -= 4) {
    const std::size_t at = (std::size_t{data[0]} << 8 | data[1]) * 16 % bytes.size() + data[2] % 16;
    bytes[at] = static_cast<char>(bytes[at] ^ data[3]);
  }
  MemoryDevice device(bytes);
  const auto log = DiskLog::open(device, {kRegion, 16 * 1024});
  if (!log) return;
  std::mutex mutex;
  std::vector<std::pair<TableEntry, std::uint64_t>> found;
  (void)(*log)->recover([&](const TableEntry& entry, std::uint64_t unit) {
    const std::lock_guard lock(mutex);
    found.emplace_back(entry, unit);
  });
  for (const auto& [entry, unit] : found) {
    const auto record = (*log)->read(entry.slot, {unit, static_cast<std::uint32_t>(entry.size * kRecordUnit), 0});
    if (record) YZ_ASSERT(entry.slot.low < 60 && record->payload == body_of(entry.slot.low));
  }
}

/// Bytes as they are, given to each decoder.
void decode_anything(std::string_view bytes) {
  (void)decode_superblock(bytes);
  (void)decode_rule(bytes);
  if (const auto object = decode_object(bytes)) {
    YZ_ASSERT(object->body.size() <= bytes.size() && object->meta.tags.size() == object->tags.size());
  }
  RegionTrailer trailer;
  trailer.count = static_cast<std::uint32_t>(bytes.size() / kTableEntrySize);
  trailer.table_crc = yz::crc32c(bytes.substr(0, trailer.count * kTableEntrySize));
  if (const auto table = decode_table(trailer, bytes, kRegion)) {
    for (const TableEntry& entry : *table) {
      YZ_ASSERT((std::uint64_t{entry.unit} + entry.size) * kRecordUnit <= kRegion);
    }
  }
  // A header made to fit what follows.
  std::string header;
  append_record_header(header, 7, {1, {1, 2}, static_cast<std::uint32_t>(bytes.size()), yz::crc32c(bytes), {}});
  (void)decode_record_header(7, header);
  (void)decode_record_header(7, bytes);
  (void)decode_region_header(7, bytes);
  (void)decode_region_trailer(7, bytes);
  (void)decode_purge_mark(7, bytes);
}

}  // namespace

/// The first byte says which of the two.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  if (data[0] % 2 == 0) {
    recover_changed(data + 1, size - 1);
  } else {
    decode_anything({reinterpret_cast<const char*>(data + 1), size - 1});
  }
  return 0;
}
