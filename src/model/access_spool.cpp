#include "model/access_spool.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"

namespace yz::model {
namespace {

constexpr std::string_view kSegmentMagic = "YZAS";
constexpr std::string_view kLossesMagic = "YZAX";
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kSuffix = ".access";
constexpr std::string_view kLossesSuffix = ".losses";

void put_start(ByteWriter& to, std::string_view magic) {
  to.raw(magic);
  to.u16(kVersion);
  to.u16(0);
}

Status check_start(ByteReader& in, std::string_view magic) {
  if (in.raw(4) != magic) return fail(Code::kCorrupt, "it does not begin with " + std::string(magic));
  const std::uint16_t version = in.u16();
  (void)in.u16();
  if (!in.ok()) return fail(Code::kCorrupt, "it is cut short");
  if (version != kVersion) return fail(Code::kUnsupported, fmt::format("version {} is not known", version));
  return {};
}

}  // namespace

std::string file_name(const SegmentName& name) { return file_name(name, kSuffix); }

std::optional<SegmentName> parse_segment_name(std::string_view file_name) {
  return parse_spool_name(file_name, kSuffix);
}

std::string encode(const SegmentHead& head) {
  std::string out;
  ByteWriter to(out);
  put_start(to, kSegmentMagic);
  to.u64(head.name.epoch);
  to.u64(head.name.number);
  to.u64(static_cast<std::uint64_t>(head.created.time_since_epoch().count()));
  to.u32(crc32c(out));
  to.u32(0);
  to.u64(head.is_closed ? 1 : 0);
  to.u64(published_word(head.records, head.bytes));
  to.u64(0);
  YZ_ASSERT(out.size() == kSegmentHead);
  return out;
}

Result<SegmentHead> decode_segment_head(std::string_view bytes) {
  if (bytes.size() != kSegmentHead) return fail(Code::kCorrupt, "the head is cut short");
  ByteReader in(bytes);
  YZ_CHECK(check_start(in, kSegmentMagic));
  SegmentHead head;
  head.name.epoch = in.u64();
  head.name.number = in.u64();
  head.created = WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(in.u64())));
  if (in.u32() != crc32c(bytes.substr(0, 32))) return fail(Code::kCorrupt, "the head's checksum is wrong");
  (void)in.u32();
  head.is_closed = in.u64() != 0;
  const std::uint64_t published = in.u64();
  head.records = static_cast<std::uint32_t>(published >> 32);
  head.bytes = static_cast<std::uint32_t>(published);
  return head;
}

std::string losses_file_name(std::uint64_t epoch) { return fmt::format("{}{}", epoch, kLossesSuffix); }

std::optional<std::uint64_t> parse_losses_name(std::string_view file_name) {
  if (!file_name.ends_with(kLossesSuffix)) return std::nullopt;
  file_name.remove_suffix(kLossesSuffix.size());
  return parse_u64(file_name);
}

std::string encode_losses_head(std::uint64_t epoch) {
  std::string out;
  ByteWriter to(out);
  put_start(to, kLossesMagic);
  to.u64(epoch);
  to.u32(crc32c(out));
  out.resize(kLossesHead);
  return out;
}

Result<std::vector<AccessLoss>> decode_losses(std::string_view bytes) {
  if (bytes.size() != kLossesSize) return fail(Code::kCorrupt, "it has another size");
  ByteReader in(bytes);
  YZ_CHECK(check_start(in, kLossesMagic));
  const std::uint64_t epoch = in.u64();
  if (in.u32() != crc32c(bytes.substr(0, 16))) return fail(Code::kCorrupt, "the head's checksum is wrong");
  in = ByteReader(bytes.substr(kLossesHead));
  std::map<std::pair<std::uint32_t, DomainId>, std::uint64_t> sums;
  for (std::size_t i = 0; i < kLossCells; ++i) {
    const std::uint64_t tag = in.u64();
    const DomainId domain{in.u64()};
    const std::uint64_t lost = in.u64();
    if (lost == 0 || (tag < 2 && i > 0)) continue;
    if (tag - 2 > UINT32_MAX && i > 0) return fail(Code::kCorrupt, fmt::format("cell {} has no hour", i));
    const std::uint32_t hour = i == 0 ? 0 : static_cast<std::uint32_t>(tag - 2);
    sums[{hour, i == 0 ? DomainId{} : domain}] += lost;
  }
  std::vector<AccessLoss> out;
  for (const auto& [key, lost] : sums) out.push_back({epoch, key.first, key.second, lost});
  return out;
}

}  // namespace yz::model
