#include "cache/disk/disk_format.h"

#include "base/bytes.h"
#include "base/hash.h"

namespace yz::cache {

namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kMarkMagic = 0x4b4d5a59;     // "YZMK"
constexpr std::uint32_t kHeaderMagic = 0x48525a59;   // "YZRH"
constexpr std::uint32_t kTrailerMagic = 0x54525a59;  // "YZRT"
constexpr std::uint32_t kRecordMagic = 0x44525a59;   // "YZRD"
constexpr std::size_t kRecordHeaderUsed = 49;
constexpr std::uint32_t kMaxTableSize = (1U << 24) - 1;

bool is_kind(std::uint8_t kind) { return kind >= 1 && kind <= 3; }

/// "magic, CRC-32C of what follows, fields" padded with zeros to a block.
template <typename Write>
std::string checked_block(std::uint32_t magic, Write&& write) {
  std::string fields;
  ByteWriter inner(fields);
  write(inner);
  std::string out;
  ByteWriter writer(out);
  writer.u32(magic);
  writer.u32(crc32c(fields));
  writer.raw(fields);
  out.resize(kDiskBlock, '\0');
  return out;
}

/// The fields of such a block, when they are sound.
std::optional<ByteReader> open_checked(std::uint32_t magic, std::string_view block, std::size_t fields_size) {
  ByteReader reader(block);
  const bool is_ours = reader.u32() == magic;
  const std::uint32_t crc = reader.u32();
  const std::string_view fields = reader.raw(fields_size);
  if (!reader.ok() || !is_ours || crc32c(fields) != crc) return std::nullopt;
  return ByteReader(fields);
}

WallTime wall_of(std::uint64_t ms) { return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(ms))); }
std::uint64_t ms_of(WallTime time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

}  // namespace

std::string encode_superblock(const Superblock& block) {
  std::string out(kDiskMagic);
  ByteWriter writer(out);
  writer.u32(kVersion);
  writer.u32(kDiskBlock);
  writer.u64(block.format);
  writer.u64(block.region_size);
  writer.u32(crc32c(out));
  out.resize(kDiskBlock, '\0');
  return out;
}

Result<Superblock> decode_superblock(std::string_view block) {
  if (block.find_first_not_of('\0') == std::string_view::npos) return fail(Code::kNotFound, "the device is empty");
  ByteReader reader(block);
  const bool is_ours = reader.raw(kDiskMagic.size()) == kDiskMagic;
  const std::uint32_t version = reader.u32();
  const std::uint32_t block_size = reader.u32();
  Superblock out;
  out.format = reader.u64();
  out.region_size = reader.u64();
  const std::size_t checked = block.size() - reader.remaining();
  const std::uint32_t crc = reader.u32();
  if (!is_ours || !reader.ok()) return fail(Code::kCorrupt, "this is not a disk cache");
  if (version != kVersion) return fail(Code::kUnsupported, "the disk cache is of another version");
  const bool fits = block_size == kDiskBlock && out.region_size >= 4 * kDiskBlock &&
                    out.region_size % kDiskBlock == 0 && out.region_size <= 1ULL << 32;
  if (crc32c(block.substr(0, checked)) != crc || !fits) return fail(Code::kCorrupt, "the superblock is damaged");
  return out;
}

std::string encode_purge_mark(std::uint64_t format, const PurgeMark& mark) {
  return checked_block(kMarkMagic, [&](ByteWriter& w) {
    w.u64(format);
    w.u64(mark.number);
    w.u64(mark.purge_clock);
  });
}

std::optional<PurgeMark> decode_purge_mark(std::uint64_t format, std::string_view block) {
  auto fields = open_checked(kMarkMagic, block, 24);
  if (!fields || fields->u64() != format) return std::nullopt;
  PurgeMark mark;
  mark.number = fields->u64();
  mark.purge_clock = fields->u64();
  return mark;
}

std::string encode_region_header(std::uint64_t format, std::uint64_t seq) {
  return checked_block(kHeaderMagic, [&](ByteWriter& w) {
    w.u64(format);
    w.u64(seq);
  });
}

std::optional<std::uint64_t> decode_region_header(std::uint64_t format, std::string_view block) {
  auto fields = open_checked(kHeaderMagic, block, 16);
  if (!fields || fields->u64() != format) return std::nullopt;
  return fields->u64();
}

std::size_t region_end_size(std::size_t count) {
  return (count * kTableEntrySize + kDiskBlock - 1) / kDiskBlock * kDiskBlock + kDiskBlock;
}

std::string encode_region_end(std::uint64_t format, std::uint64_t seq, const std::vector<TableEntry>& table) {
  std::string out;
  out.reserve(region_end_size(table.size()));
  ByteWriter writer(out);
  for (const TableEntry& entry : table) {
    writer.u64(entry.slot.high);
    writer.u64(entry.slot.low);
    writer.u32(entry.unit);
    writer.u32(static_cast<std::uint32_t>(entry.kind) << 24 | entry.size);
  }
  const std::uint32_t crc = crc32c(out);
  out.resize(region_end_size(table.size()) - kDiskBlock, '\0');
  out += checked_block(kTrailerMagic, [&](ByteWriter& w) {
    w.u64(format);
    w.u64(seq);
    w.u32(static_cast<std::uint32_t>(table.size()));
    w.u32(crc);
  });
  return out;
}

std::optional<RegionTrailer> decode_region_trailer(std::uint64_t format, std::string_view block) {
  auto fields = open_checked(kTrailerMagic, block, 24);
  if (!fields || fields->u64() != format) return std::nullopt;
  RegionTrailer trailer;
  trailer.seq = fields->u64();
  trailer.count = fields->u32();
  trailer.table_crc = fields->u32();
  return trailer;
}

std::optional<std::vector<TableEntry>> decode_table(const RegionTrailer& trailer, std::string_view bytes,
                                                    std::uint64_t region_size) {
  const std::size_t size = std::size_t{trailer.count} * kTableEntrySize;
  if (bytes.size() < size || crc32c(bytes.substr(0, size)) != trailer.table_crc) return std::nullopt;
  ByteReader reader(bytes.substr(0, size));
  std::vector<TableEntry> table;
  table.reserve(trailer.count);
  for (std::uint32_t i = 0; i < trailer.count; ++i) {
    TableEntry entry;
    entry.slot.high = reader.u64();
    entry.slot.low = reader.u64();
    entry.unit = reader.u32();
    const std::uint32_t word = reader.u32();
    entry.size = word & kMaxTableSize;
    const auto kind = static_cast<std::uint8_t>(word >> 24);
    const std::uint64_t end = (std::uint64_t{entry.unit} + entry.size) * kRecordUnit;
    if (!is_kind(kind) || entry.size == 0 || end > region_size) return std::nullopt;
    entry.kind = static_cast<RecordKind>(kind);
    table.push_back(entry);
  }
  return table;
}

void append_record_header(std::string& out, std::uint64_t format, const RecordHeader& header) {
  std::string fields;
  ByteWriter inner(fields);
  inner.u64(format);
  inner.u64(header.region_seq);
  inner.u64(header.slot.high);
  inner.u64(header.slot.low);
  inner.u32(header.payload_size);
  inner.u32(header.payload_crc);
  inner.u8(static_cast<std::uint8_t>(header.kind));
  fields.resize(kRecordHeaderSize - 8, '\0');
  ByteWriter writer(out);
  writer.u32(kRecordMagic);
  writer.u32(crc32c(fields));
  writer.raw(fields);
}

std::optional<RecordHeader> decode_record_header(std::uint64_t format, std::string_view bytes) {
  auto fields = open_checked(kRecordMagic, bytes, kRecordHeaderSize - 8);
  if (!fields || fields->u64() != format) return std::nullopt;
  RecordHeader header;
  header.region_seq = fields->u64();
  header.slot.high = fields->u64();
  header.slot.low = fields->u64();
  header.payload_size = fields->u32();
  header.payload_crc = fields->u32();
  const std::uint8_t kind = fields->u8();
  static_assert(kRecordHeaderUsed <= kRecordHeaderSize);
  if (!is_kind(kind) || header.record_size() / kRecordUnit > kMaxTableSize) return std::nullopt;
  header.kind = static_cast<RecordKind>(kind);
  return header;
}

bool is_sound(const RecordHeader& header, std::string_view payload) {
  return payload.size() == header.payload_size && crc32c(payload) == header.payload_crc;
}

namespace {

/// Of an object's payload before its texts.
constexpr std::size_t kObjectFixed = 32 + 8 + 8 + 2 + 1 + 8 + 8 + 4 * 4 + 8 * 4 + 4 + 8 + 8;
constexpr std::uint64_t kNoLength = UINT64_MAX;

std::uint32_t seconds_of(std::chrono::seconds s) { return static_cast<std::uint32_t>(s.count()); }

template <typename Meta>
auto texts_of(Meta& m) {
  return std::array{&m.head_before_age, &m.head_after_age, &m.host, &m.target, &m.etag,
                    &m.last_modified,   &m.vary,           &m.extra};
}

}  // namespace

std::size_t payload_size_of(const Object& object) {
  const ObjectMeta meta = object.meta();
  std::size_t size = kObjectFixed + meta.tags.size() * 4 + object.body_size();
  for (const std::string_view* text : texts_of(meta)) size += text->size();
  return size;
}

void append_object_head(std::string& out, const Object& object) {
  const ObjectMeta meta = object.meta();
  ByteWriter w(out);
  w.u64(meta.key.primary.high);
  w.u64(meta.key.primary.low);
  w.u64(meta.key.variant.high);
  w.u64(meta.key.variant.low);
  w.u64(meta.base.value);
  w.u64(meta.born.value);
  w.u16(meta.status);
  w.u8(meta.flags);
  w.u64(ms_of(meta.request_time));
  w.u64(ms_of(meta.response_time));
  w.u32(seconds_of(meta.initial_age));
  w.u32(seconds_of(meta.lifetime));
  w.u32(seconds_of(meta.stale_while_revalidate));
  w.u32(seconds_of(meta.stale_if_error));
  for (const std::string_view* text : texts_of(meta)) w.u32(static_cast<std::uint32_t>(text->size()));
  w.u32(static_cast<std::uint32_t>(meta.tags.size()));
  w.u64(object.body_size());
  w.u64(meta.content_length.value_or(kNoLength));
  for (const std::string_view* text : texts_of(meta)) w.raw(*text);
  for (const std::uint32_t tag : meta.tags) w.u32(tag);
}

std::optional<ObjectPayload> decode_object(std::string_view payload) {
  ByteReader r(payload);
  ObjectPayload out;
  ObjectMeta& meta = out.meta;
  meta.key.primary.high = r.u64();
  meta.key.primary.low = r.u64();
  meta.key.variant.high = r.u64();
  meta.key.variant.low = r.u64();
  meta.base = BaseId{r.u64()};
  meta.born = Seq{r.u64()};
  meta.status = r.u16();
  meta.flags = r.u8();
  meta.request_time = wall_of(r.u64());
  meta.response_time = wall_of(r.u64());
  meta.initial_age = std::chrono::seconds(r.u32());
  meta.lifetime = std::chrono::seconds(r.u32());
  meta.stale_while_revalidate = std::chrono::seconds(r.u32());
  meta.stale_if_error = std::chrono::seconds(r.u32());
  std::array<std::uint32_t, 8> sizes{};
  for (std::uint32_t& size : sizes) size = r.u32();
  const std::uint32_t tags = r.u32();
  const std::uint64_t body = r.u64();
  if (const std::uint64_t length = r.u64(); length != kNoLength) meta.content_length = length;
  std::size_t i = 0;
  for (std::string_view* text : texts_of(meta)) *text = r.raw(sizes[i++]);
  if (!r.ok() || tags > r.remaining() / 4) return std::nullopt;
  out.tags.reserve(tags);
  for (std::uint32_t t = 0; t < tags; ++t) out.tags.push_back(r.u32());
  out.body = r.raw(body);
  if (!r.ok() || !r.at_end()) return std::nullopt;
  meta.tags = out.tags;  // a vector that moves keeps its memory
  return out;
}

std::string encode_rule(const RulePayload& rule) {
  std::string out;
  ByteWriter writer(out);
  writer.u64(ms_of(rule.since));
  writer.str(rule.names);
  return out;
}

std::optional<RulePayload> decode_rule(std::string_view payload) {
  ByteReader reader(payload);
  RulePayload rule;
  rule.since = wall_of(reader.u64());
  rule.names = reader.str();
  if (!reader.ok() || !reader.at_end() || rule.names.empty()) return std::nullopt;
  return rule;
}

}  // namespace yz::cache
