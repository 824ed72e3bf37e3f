#include "model/access_record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/enum_names.h"

namespace yz::model {
namespace {

static_assert(std::endian::native == std::endian::little, "records are written as the machine has them");

constexpr std::size_t kFixed = kMinAccessRecord;  // before the texts
constexpr std::size_t kChecked = 8;               // from here on the checksum counts

/// Writes into bytes known to suffice.
class Cursor {
 public:
  explicit Cursor(char* at) : at_(at) {}
  template <typename T>
  void put(T value) {
    std::memcpy(at_, &value, sizeof value);
    at_ += sizeof value;
  }
  void text(std::string_view value) {
    if (!value.empty()) std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }
  [[nodiscard]] char* at() const { return at_; }

 private:
  char* at_;
};

std::uint32_t checksum(const char* record, std::size_t size) {
  return static_cast<std::uint32_t>(hash64(std::string_view(record + kChecked, size - kChecked)));
}

/// Two letters of ISO 3166-1, or 0 for unknown.
bool is_country(std::uint16_t code) {
  const auto is_letter = [](int c) { return c >= 'A' && c <= 'Z'; };
  return code == 0 || (is_letter(code >> 8) && is_letter(code & 0xff));
}

void append_value(std::string& out, std::string_view value) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('\t');
  if (value.empty()) out.push_back('-');
  for (const char c : value) {
    const auto b = static_cast<unsigned char>(c);
    if (b >= 0x20 && b < 0x7f && c != '\\') {
      out.push_back(c);
    } else {
      out.append("\\x");
      out.push_back(kHex[b >> 4]);
      out.push_back(kHex[b & 15]);
    }
  }
}

void append_number(std::string& out, std::uint64_t value) {
  const fmt::format_int text(value);
  out.push_back('\t');
  out.append(text.data(), text.size());
}

std::string_view protocol_text(Protocol protocol) {
  switch (protocol) {
    case Protocol::kHttp1:
      return "HTTP/1.1";
    case Protocol::kHttp2:
      return "HTTP/2";
    case Protocol::kHttp3:
      return "HTTP/3";
    case Protocol::kUnknown:
      break;
  }
  return {};
}

}  // namespace

std::size_t encode(const AccessRecord& record, std::span<char> out) {
  const std::string_view method = record.method.substr(0, kMaxLoggedMethod);
  const std::string_view host = record.host.substr(0, kMaxLoggedHost);
  const std::string_view target = record.target.substr(0, kMaxLoggedTarget);
  const std::string_view referer = record.referer.substr(0, kMaxLoggedField);
  const std::string_view agent = record.agent.substr(0, kMaxLoggedField);
  const std::string_view province = record.province.substr(0, kMaxLoggedMethod);
  const std::string_view isp = record.isp.substr(0, kMaxLoggedMethod);
  const std::size_t size = kFixed + method.size() + host.size() + target.size() + referer.size() + agent.size() +
                           province.size() + isp.size();
  if (size > out.size()) return 0;
  Cursor to(out.data());
  to.put(static_cast<std::uint32_t>(size));
  to.put(std::uint32_t{0});
  to.put(record.ended.time_since_epoch().count());
  to.put(record.domain.value);
  to.put(record.bytes_out);
  to.put(record.bytes_in);
  to.put(static_cast<std::uint32_t>(std::min<std::uint64_t>(record.first_byte_us, UINT32_MAX)));
  to.put(record.status);
  to.put(record.country);
  to.put(record.duration_us);
  to.put(static_cast<std::uint8_t>(record.cache));
  to.put(static_cast<std::uint8_t>(static_cast<unsigned>(record.protocol) | (record.is_tls ? 0x80U : 0U)));
  to.put(static_cast<std::uint8_t>(record.client.family()));
  to.put(static_cast<std::uint8_t>(method.size()));
  to.put(record.client.bytes());
  to.put(static_cast<std::uint8_t>(province.size()));
  to.put(static_cast<std::uint8_t>(isp.size()));
  to.put(static_cast<std::uint16_t>(host.size()));
  to.put(static_cast<std::uint16_t>(target.size()));
  to.put(static_cast<std::uint16_t>(referer.size()));
  to.put(static_cast<std::uint16_t>(agent.size()));
  to.put(std::uint16_t{0});
  for (const std::string_view text : {method, host, target, referer, agent, province, isp}) to.text(text);
  const std::uint32_t sum = checksum(out.data(), size);
  std::memcpy(out.data() + 4, &sum, sizeof sum);
  return size;
}

std::optional<AccessRecord> AccessRecordReader::next() {
  if (rest_.empty()) return std::nullopt;
  ByteReader in(rest_);
  const std::uint32_t size = in.u32();
  const std::uint32_t sum = in.u32();
  if (size < kFixed || size > rest_.size() || size > kMaxAccessRecord || sum != checksum(rest_.data(), size)) {
    is_damaged_ = true;
    return std::nullopt;
  }
  in = ByteReader(rest_.substr(kChecked, size - kChecked));
  AccessRecord record;
  record.ended = WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(in.u64())));
  record.domain = DomainId{in.u64()};
  record.bytes_out = in.u64();
  record.bytes_in = in.u64();
  record.first_byte_us = in.u32();
  record.status = in.u16();
  record.country = in.u16();
  record.duration_us = in.u64();
  const std::uint8_t cache = in.u8();
  const std::uint8_t protocol = in.u8();
  const std::uint8_t family = in.u8();
  const std::uint8_t method = in.u8();
  const std::string_view address = in.raw(16);
  const std::uint8_t province = in.u8();
  const std::uint8_t isp = in.u8();
  const std::uint16_t host = in.u16();
  const std::uint16_t target = in.u16();
  const std::uint16_t referer = in.u16();
  const std::uint16_t agent = in.u16();
  (void)in.u16();
  record.method = in.raw(method);
  record.host = in.raw(host);
  record.target = in.raw(target);
  record.referer = in.raw(referer);
  record.agent = in.raw(agent);
  record.province = in.raw(province);
  record.isp = in.raw(isp);
  const bool is_known = cache <= static_cast<std::uint8_t>(CacheResult::kBypass) &&
                        (protocol & 0x7f) <= static_cast<std::uint8_t>(Protocol::kHttp3) &&
                        (family == 4 || family == 6) && is_country(record.country);
  const bool fits = method <= kMaxLoggedMethod && host <= kMaxLoggedHost && target <= kMaxLoggedTarget &&
                    referer <= kMaxLoggedField && agent <= kMaxLoggedField && province <= kMaxLoggedMethod &&
                    isp <= kMaxLoggedMethod;
  if (!in.ok() || !in.at_end() || !is_known || !fits) {
    is_damaged_ = true;
    return std::nullopt;
  }
  record.cache = static_cast<CacheResult>(cache);
  record.protocol = static_cast<Protocol>(protocol & 0x7f);
  record.is_tls = (protocol & 0x80) != 0;
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), address.data(), bytes.size());
  record.client = IpAddress::v6(bytes);
  if (family == 4) {
    const auto at = [&](std::size_t i) { return std::uint32_t{bytes[i]}; };
    record.client = IpAddress::v4(at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3));
  }
  rest_.remove_prefix(size);
  read_ += size;
  return record;
}

std::string access_log_header() {
  std::string out = "#";
  for (const std::string_view name : kAccessColumns) {
    if (out.size() > 1) out.push_back('\t');
    out.append(name);
  }
  out.push_back('\n');
  return out;
}

void append_line(std::string& out, const AccessRecord& record, NodeId node) {
  out.append(format_rfc3339(record.ended));
  append_value(out, to_string(record.client));
  append_value(out, record.method);
  append_value(out, record.is_tls ? "https" : "http");
  append_value(out, record.host);
  append_value(out, record.target);
  append_value(out, protocol_text(record.protocol));
  append_number(out, record.status);
  append_number(out, record.bytes_out);
  append_number(out, record.bytes_in);
  append_number(out, record.duration_us);
  append_number(out, record.first_byte_us);
  append_value(out, name_of(record.cache));
  const std::array<char, 2> country = {static_cast<char>(record.country >> 8),
                                       static_cast<char>(record.country & 0xff)};
  append_value(out, record.country == 0 ? std::string_view() : std::string_view(country.data(), country.size()));
  append_value(out, record.province);
  append_value(out, record.isp);
  append_value(out, record.referer);
  append_value(out, record.agent);
  append_number(out, node.value);
  out.push_back('\n');
}

}  // namespace yz::model
