#include "bus/record.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"

namespace yz::bus {

namespace {
constexpr std::string_view kMagic = "YZBL";
constexpr std::uint32_t kVersion = 1;
}  // namespace

std::string encode_segment_header(Offset first) {
  std::string out(kMagic);
  ByteWriter writer(out);
  writer.u32(kVersion);
  writer.u64(first.value);
  return out;
}

Result<Offset> decode_segment_header(std::string_view bytes) {
  ByteReader reader(bytes.substr(0, kSegmentHeaderSize));
  const std::string_view magic = reader.raw(kMagic.size());
  const std::uint32_t version = reader.u32();
  const Offset first{reader.u64()};
  if (!reader.ok() || magic != kMagic || !first) return fail(Code::kCorrupt, "not a segment of the bus log");
  if (version != kVersion) {
    return fail(Code::kUnsupported,
                fmt::format("the bus log has version {}, this program reads {}", version, kVersion));
  }
  return first;
}

void append_record(std::string& out, Offset offset, WallTime at, std::string_view bytes) {
  YZ_ASSERT(bytes.size() <= kMaxMessage);
  std::string covered;
  covered.reserve(kRecordHeaderSize + bytes.size());
  ByteWriter writer(covered);
  writer.u32(static_cast<std::uint32_t>(bytes.size()));
  writer.u64(offset.value);
  writer.u64(static_cast<std::uint64_t>(at.time_since_epoch().count()));
  writer.raw(bytes);
  ByteWriter(out).u32(crc32c(covered));
  out += covered;
}

Result<std::optional<Record>> decode_record(std::string_view bytes) {
  ByteReader reader(bytes);
  const std::uint32_t checksum = reader.u32();
  const std::uint32_t size = reader.u32();
  const Offset offset{reader.u64()};
  const auto at = static_cast<std::int64_t>(reader.u64());
  if (!reader.ok()) return std::nullopt;
  if (size > kMaxMessage) return fail(Code::kCorrupt, fmt::format("a record of {} bytes", size));
  if (reader.remaining() < size) return std::nullopt;
  if (crc32c(bytes.substr(4, kRecordHeaderSize - 4 + size)) != checksum) {
    return fail(Code::kCorrupt, fmt::format("the checksum of record {} is wrong", offset.value));
  }
  return Record{.offset = offset,
                .at = WallTime(std::chrono::milliseconds(at)),
                .bytes = reader.raw(size),
                .size = kRecordHeaderSize + size};
}

}  // namespace yz::bus
