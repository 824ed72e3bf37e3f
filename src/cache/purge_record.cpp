#include "cache/purge_record.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace yz::cache {

namespace {

constexpr std::string_view kMagic = "YZPURGE\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint8_t kHardFlag = 1;
constexpr auto kLastKind = static_cast<std::uint8_t>(PurgeKind::kMark);

/// The record in these 24 bytes, when they are one.
bool decode_record(std::string_view bytes, PurgeRecord& record) {
  ByteReader in(bytes);
  const std::uint32_t crc = in.u32();
  if (crc != crc32c(bytes.substr(4))) return false;
  const std::uint8_t kind = in.u8();
  const std::uint8_t flags = in.u8();
  const std::uint16_t reserved = in.u16();
  if (kind == 0 || kind > kLastKind || flags > kHardFlag || reserved != 0) return false;
  record.kind = static_cast<PurgeKind>(kind);
  record.is_hard = (flags & kHardFlag) != 0;
  record.seq = Seq{in.u64()};
  record.id = in.u64();
  return true;
}

}  // namespace

std::string encode_purge_header() {
  std::string out(kMagic);
  ByteWriter writer(out);
  writer.u32(kVersion);
  writer.u32(crc32c(out));
  return out;
}

void append_purge_record(std::string& out, const PurgeRecord& record) {
  std::string payload;
  ByteWriter writer(payload);
  writer.u8(static_cast<std::uint8_t>(record.kind));
  writer.u8(record.is_hard ? kHardFlag : 0);
  writer.u16(0);
  writer.u64(record.seq.value);
  writer.u64(record.id);
  ByteWriter(out).u32(crc32c(payload));
  out += payload;
}

Result<PurgeFile> decode_purge_file(std::string_view bytes) {
  PurgeFile file;
  if (bytes.size() < kPurgeHeaderSize) {
    // Torn while the file was made: nothing was ever acknowledged from it.
    if (encode_purge_header().starts_with(bytes)) return file;
    return fail(Code::kCorrupt, "not a purge log: the header is too short");
  }
  if (bytes.substr(0, kPurgeHeaderSize) != encode_purge_header()) {
    return fail(Code::kCorrupt, "not a purge log of version 1: the header differs");
  }
  std::size_t at = kPurgeHeaderSize;
  PurgeRecord record;
  while (bytes.size() - at >= kPurgeRecordSize && decode_record(bytes.substr(at, kPurgeRecordSize), record)) {
    // Numbers never go back; one that does was not written by us.
    if (!file.records.empty() && record.seq < file.records.back().seq) break;
    file.records.push_back(record);
    at += kPurgeRecordSize;
  }
  file.good_size = at;
  for (; bytes.size() - at >= kPurgeRecordSize; at += kPurgeRecordSize) {
    if (decode_record(bytes.substr(at, kPurgeRecordSize), record)) file.is_damaged = true;
  }
  return file;
}

}  // namespace yz::cache
