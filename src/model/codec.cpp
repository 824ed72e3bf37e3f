#include "model/codec.h"

#include <bit>
#include <chrono>
#include <type_traits>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/enum_names.h"
#include "model/fields.h"
#include "model/snapshot_body.h"

namespace yz::model {
namespace {

constexpr std::uint16_t kOldestVersion = 1;  // still read
constexpr std::uint16_t kFormatVersion = 7;  // written
constexpr std::size_t kHeadSize = 8;         // magic, version, reserved
constexpr std::size_t kTrailerSize = 4;      // CRC-32C
constexpr std::size_t kHashSize = 32;

constexpr std::string_view kSnapshotMagic = "YZCS";
constexpr std::string_view kDeltaMagic = "YZCD";
constexpr std::string_view kPurgeMagic = "YZPR";
constexpr std::string_view kUsageMagic = "YZUB";
constexpr std::string_view kResourceMagic = "YZRS";

constexpr std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

/// Writes values field by field.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  [[nodiscard]] static constexpr bool has(std::uint16_t /*version*/) { return true; }
  template <typename T>
  void operator()(const char*, const T& value) {
    put(value);
  }
  template <typename T>
  void secret(const char*, const T& value) {
    put(value);
  }

  template <typename T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      out_.u8(value ? 1 : 0);
    } else if constexpr (std::is_enum_v<T>) {
      out_.u8(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      out_.u64(std::bit_cast<std::uint64_t>(value));
    } else if constexpr (std::is_signed_v<T>) {
      out_.varint(zigzag(value));
    } else if constexpr (std::is_unsigned_v<T>) {
      out_.varint(value);
    } else {
      visit_fields(*this, value);
    }
  }
  template <typename Tag, typename Rep>
  void put(const StrongId<Tag, Rep>& id) {
    out_.varint(id.value);
  }
  template <typename Rep, typename Period>
  void put(const std::chrono::duration<Rep, Period>& d) {
    out_.varint(zigzag(d.count()));
  }
  void put(const WallTime& t) { out_.varint(zigzag(t.time_since_epoch().count())); }
  void put(const std::string& s) { out_.str(s); }
  void put(const IpAddress& a) {
    out_.u8(static_cast<std::uint8_t>(a.family()));
    const std::size_t width = a.is_v4() ? 4 : 16;
    for (std::size_t i = 0; i < width; ++i) out_.u8(a.bytes()[i]);
  }
  void put(const IpPrefix& p) {
    put(p.address);
    out_.u8(p.length);
  }
  template <typename T>
  void put(const std::vector<T>& list) {
    out_.varint(list.size());
    for (const T& one : list) put(one);
  }

 private:
  ByteWriter out_;
};

/// Reads values field by field; ByteReader keeps the failure.
class Decoder {
 public:
  Decoder(ByteReader& in, std::uint16_t version) : in_(in), version_(version) {}

  /// Whether the bytes hold the fields that format `version` brought.
  [[nodiscard]] bool has(std::uint16_t version) const { return version_ >= version; }
  template <typename T>
  void operator()(const char*, T& value) {
    get(value);
  }
  template <typename T>
  void secret(const char*, T& value) {
    get(value);
  }

  template <typename T>
  void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      const std::uint8_t v = in_.u8();
      if (v > 1) in_.reject();
      value = v == 1;
    } else if constexpr (std::is_enum_v<T>) {
      const std::uint8_t v = in_.u8();
      if (v >= names_of<T>().size()) return in_.reject();
      value = static_cast<T>(v);
    } else if constexpr (std::is_floating_point_v<T>) {
      value = std::bit_cast<double>(in_.u64());
    } else if constexpr (std::is_signed_v<T>) {
      get_number(unzigzag(in_.varint()), value);
    } else if constexpr (std::is_unsigned_v<T>) {
      get_number(in_.varint(), value);
    } else {
      visit_fields(*this, value);
    }
  }
  template <typename Tag, typename Rep>
  void get(StrongId<Tag, Rep>& id) {
    id.value = in_.varint();
  }
  template <typename Rep, typename Period>
  void get(std::chrono::duration<Rep, Period>& d) {
    d = std::chrono::duration<Rep, Period>(unzigzag(in_.varint()));
  }
  void get(WallTime& t) { t = WallTime(std::chrono::milliseconds(unzigzag(in_.varint()))); }
  void get(std::string& s) { s = in_.str(); }
  void get(IpAddress& a) {
    const std::uint8_t family = in_.u8();
    if (family != 4 && family != 6) return in_.reject();
    std::array<std::uint8_t, 16> bytes{};
    const std::string_view raw = in_.raw(family == 4 ? 4 : 16);
    for (std::size_t i = 0; i < raw.size(); ++i) bytes[i] = static_cast<std::uint8_t>(raw[i]);
    a = family == 6 ? IpAddress::v6(bytes)
                    : IpAddress::v4(std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
                                    std::uint32_t{bytes[2]} << 8 | bytes[3]);
  }
  void get(IpPrefix& p) {
    get(p.address);
    p.length = in_.u8();
    if (p.length > p.address.bit_width() || p.address.masked(p.length) != p.address) in_.reject();
  }
  template <typename T>
  void get(std::vector<T>& list) {
    const std::uint64_t n = in_.count();
    list.clear();
    for (std::uint64_t i = 0; i < n && in_.ok(); ++i) get(list.emplace_back());
  }

 private:
  template <typename Wide, typename T>
  void get_number(Wide wide, T& value) {
    value = static_cast<T>(wide);
    if (static_cast<Wide>(value) != wide) in_.reject();
  }
  ByteReader& in_;
  const std::uint16_t version_;
};

std::string frame(std::string_view magic, std::string_view body) {
  std::string out;
  out.reserve(kHeadSize + body.size() + kTrailerSize);
  ByteWriter writer(out);
  writer.raw(magic);
  writer.u16(kFormatVersion);
  writer.u16(0);
  writer.raw(body);
  writer.u32(crc32c(out));
  return out;
}

struct Framed {
  std::string_view body;
  std::uint16_t version;
};

/// The body of a frame whose magic, version and checksum are right.
Result<Framed> unframe(std::string_view magic, std::string_view what, std::string_view bytes) {
  if (bytes.size() < kHeadSize + kTrailerSize || !bytes.starts_with(magic)) {
    return fail(Code::kCorrupt, fmt::format("not a {}: it does not start with '{}'", what, magic));
  }
  const std::string_view covered = bytes.substr(0, bytes.size() - kTrailerSize);
  if (ByteReader(bytes.substr(covered.size())).u32() != crc32c(covered)) {
    return fail(Code::kCorrupt, fmt::format("{}: the checksum does not fit its {} bytes", what, bytes.size()));
  }
  ByteReader head(covered.substr(magic.size()));
  const std::uint16_t version = head.u16();
  if (version < kOldestVersion || version > kFormatVersion) {
    return fail(Code::kUnsupported, fmt::format("{}: format version {}, this program reads {} to {}", what, version,
                                                kOldestVersion, kFormatVersion));
  }
  return Framed{covered.substr(kHeadSize), version};
}

Status require_end(const ByteReader& in, std::string_view what) {
  if (in.ok() && in.at_end()) return {};
  return fail(Code::kCorrupt,
              fmt::format("{}: {}", what, in.ok() ? "bytes after its end" : "a value is out of its range"));
}

template <typename T>
std::string encode_framed(std::string_view magic, const T& value) {
  std::string body;
  Encoder(body).put(value);
  return frame(magic, body);
}

template <typename T>
Result<T> decode_framed(std::string_view magic, std::string_view what, std::string_view bytes) {
  YZ_TRY(const Framed framed, unframe(magic, what, bytes));
  ByteReader in(framed.body);
  T value{};
  Decoder(in, framed.version).get(value);
  YZ_CHECK(require_end(in, what));
  return value;
}

template <typename Map>
void put_map(std::string& body, const Map& map) {
  ByteWriter(body).varint(map.size());
  Encoder encoder(body);
  for (const auto& [id, entry] : map) {
    encoder.put(entry.seq);
    encoder.put(*entry.value);
  }
}

template <typename Id, typename T>
void get_map(ByteReader& in, std::uint16_t version, ResourceMap<Id, T>& map) {
  Id last{};
  for (std::uint64_t n = in.count(2); n > 0 && in.ok(); --n) {
    const ConfigSeq seq{in.varint()};
    T value;
    Decoder(in, version).get(value);
    if (value.id <= last) return in.reject();  // ascending, no id twice, none zero
    last = value.id;
    map.put(std::move(value), seq);
  }
}

void put_resource(std::string& body, const Resource& resource) {
  ByteWriter(body).u8(static_cast<std::uint8_t>(resource.index()));
  std::visit([&](const auto& value) { Encoder(body).put(value); }, resource);
}

template <std::size_t I = 0>
Resource get_alternative(ByteReader& in, std::uint16_t version, std::uint8_t index) {
  if constexpr (I == std::variant_size_v<Resource>) {
    in.reject();
    return {};
  } else {
    if (index != I) return get_alternative<I + 1>(in, version, index);
    std::variant_alternative_t<I, Resource> value;
    Decoder(in, version).get(value);
    return value;
  }
}

Resource get_resource(ByteReader& in, std::uint16_t version) {
  const std::uint8_t index = in.u8();
  return get_alternative(in, version, index);
}

}  // namespace

std::string snapshot_body(const ConfigSnapshot& snapshot) {
  std::string body;
  Encoder encoder(body);
  encoder.put(snapshot.seq);
  encoder.put(snapshot.settings_seq);
  if (snapshot.settings_seq) encoder.put(snapshot.settings);
  put_map(body, snapshot.origin_groups);
  put_map(body, snapshot.domains);
  put_map(body, snapshot.node_groups);
  put_map(body, snapshot.nodes);
  put_map(body, snapshot.policies);
  put_map(body, snapshot.certificates);
  put_map(body, snapshot.challenges);
  put_map(body, snapshot.suspensions);
  return body;
}

std::string encode(const ConfigSnapshot& snapshot) { return frame(kSnapshotMagic, snapshot_body(snapshot)); }

Result<ConfigSnapshot> decode_snapshot(std::string_view bytes) {
  constexpr std::string_view kWhat = "configuration snapshot";
  YZ_TRY(const Framed framed, unframe(kSnapshotMagic, kWhat, bytes));
  ByteReader in(framed.body);
  ConfigSnapshot s;
  Decoder decoder(in, framed.version);
  decoder.get(s.seq);
  decoder.get(s.settings_seq);
  if (s.settings_seq) decoder.get(s.settings);
  get_map(in, framed.version, s.origin_groups);
  get_map(in, framed.version, s.domains);
  get_map(in, framed.version, s.node_groups);
  get_map(in, framed.version, s.nodes);
  get_map(in, framed.version, s.policies);
  get_map(in, framed.version, s.certificates);
  if (framed.version >= 5) get_map(in, framed.version, s.challenges);
  if (framed.version >= 6) get_map(in, framed.version, s.suspensions);
  YZ_CHECK(require_end(in, kWhat));
  return s;
}

std::string encode(const ConfigDelta& delta) {
  std::string body;
  Encoder encoder(body);
  encoder.put(delta.from);
  encoder.put(delta.to);
  ByteWriter(body).varint(delta.upserts.size());
  for (const auto& [seq, resource] : delta.upserts) {
    encoder.put(seq);
    put_resource(body, resource);
  }
  ByteWriter(body).varint(delta.removals.size());
  for (const ResourceKey& key : delta.removals) {
    ByteWriter(body).u8(static_cast<std::uint8_t>(key.kind));
    ByteWriter(body).varint(key.id);
  }
  ByteWriter(body).str(delta.result_hash);
  return frame(kDeltaMagic, body);
}

Result<ConfigDelta> decode_delta(std::string_view bytes) {
  constexpr std::string_view kWhat = "configuration delta";
  YZ_TRY(const Framed framed, unframe(kDeltaMagic, kWhat, bytes));
  ByteReader in(framed.body);
  ConfigDelta delta;
  Decoder decoder(in, framed.version);
  decoder.get(delta.from);
  decoder.get(delta.to);
  for (std::uint64_t n = in.count(2); n > 0 && in.ok(); --n) {
    const ConfigSeq seq{in.varint()};
    delta.upserts.push_back({seq, get_resource(in, framed.version)});
  }
  for (std::uint64_t n = in.count(2); n > 0 && in.ok(); --n) {
    const std::uint8_t kind = in.u8();
    if (kind >= std::variant_size_v<Resource>) in.reject();
    delta.removals.push_back({static_cast<ResourceKind>(kind), in.varint()});
  }
  delta.result_hash = in.str();
  if (delta.result_hash.size() != kHashSize) in.reject();
  YZ_CHECK(require_end(in, kWhat));
  return delta;
}

std::string encode(const std::vector<PurgeRecord>& records) { return encode_framed(kPurgeMagic, records); }

Result<std::vector<PurgeRecord>> decode_purge_records(std::string_view bytes) {
  return decode_framed<std::vector<PurgeRecord>>(kPurgeMagic, "purge records", bytes);
}

std::string encode(const UsageBatch& batch) { return encode_framed(kUsageMagic, batch); }

Result<UsageBatch> decode_usage_batch(std::string_view bytes) {
  return decode_framed<UsageBatch>(kUsageMagic, "usage batch", bytes);
}

std::string encode(const Resource& resource) {
  std::string body;
  put_resource(body, resource);
  return frame(kResourceMagic, body);
}

Result<Resource> decode_resource(std::string_view bytes) {
  constexpr std::string_view kWhat = "configuration resource";
  YZ_TRY(const Framed framed, unframe(kResourceMagic, kWhat, bytes));
  ByteReader in(framed.body);
  Resource resource = get_resource(in, framed.version);
  YZ_CHECK(require_end(in, kWhat));
  return resource;
}

}  // namespace yz::model
