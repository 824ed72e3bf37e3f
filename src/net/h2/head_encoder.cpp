#include "net/h2/head_encoder.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/text.h"
#include "http/fields.h"

namespace yz::net::h2 {
namespace {

/// Names of the static table by their first index (RFC 7541, appendix A), without the pseudo fields.
struct StaticName {
  std::string_view name;
  std::uint8_t index;
};
constexpr std::array<StaticName, 47> kStaticNames = {{
    {"accept-charset", 15},
    {"accept-encoding", 16},
    {"accept-language", 17},
    {"accept-ranges", 18},
    {"accept", 19},
    {"access-control-allow-origin", 20},
    {"age", 21},
    {"allow", 22},
    {"authorization", 23},
    {"cache-control", 24},
    {"content-disposition", 25},
    {"content-encoding", 26},
    {"content-language", 27},
    {"content-length", 28},
    {"content-location", 29},
    {"content-range", 30},
    {"content-type", 31},
    {"cookie", 32},
    {"date", 33},
    {"etag", 34},
    {"expect", 35},
    {"expires", 36},
    {"from", 37},
    {"host", 38},
    {"if-match", 39},
    {"if-modified-since", 40},
    {"if-none-match", 41},
    {"if-range", 42},
    {"if-unmodified-since", 43},
    {"last-modified", 44},
    {"link", 45},
    {"location", 46},
    {"max-forwards", 47},
    {"proxy-authenticate", 48},
    {"proxy-authorization", 49},
    {"range", 50},
    {"referer", 51},
    {"refresh", 52},
    {"retry-after", 53},
    {"server", 54},
    {"set-cookie", 55},
    {"strict-transport-security", 56},
    {"transfer-encoding", 57},
    {"user-agent", 58},
    {"vary", 59},
    {"via", 60},
    {"www-authenticate", 61},
}};

constexpr std::size_t kLongestPrefix = 30;

/// The bytes before the value's length: a literal without indexing whose name is an index or spelled out (RFC 7541
/// §6.2.2).
struct NamePrefix {
  std::uint8_t size = 0;  ///< 0: the field is never sent
  std::array<char, kLongestPrefix> bytes{};
};

NamePrefix prefix_for(std::string_view lower) {
  NamePrefix prefix;
  for (const StaticName& known : kStaticNames) {
    if (known.name != lower) continue;
    prefix.bytes[0] = 0x0f;  // every index here is above the four bits of the first byte
    prefix.bytes[1] = static_cast<char>(known.index - 15);
    prefix.size = 2;
    return prefix;
  }
  prefix.bytes[1] = static_cast<char>(lower.size());
  std::memcpy(prefix.bytes.data() + 2, lower.data(), lower.size());
  prefix.size = static_cast<std::uint8_t>(lower.size() + 2);
  return prefix;
}

bool belongs_to_connection(http::FieldId id) {
  return id == http::FieldId::kConnection || id == http::FieldId::kKeepAlive || id == http::FieldId::kProxyConnection ||
         id == http::FieldId::kTransferEncoding || id == http::FieldId::kUpgrade;
}

std::array<NamePrefix, http::kFieldIds> build_prefixes() {
  std::array<NamePrefix, http::kFieldIds> prefixes;
  for (std::size_t i = 1; i < http::kFieldIds; ++i) {
    const auto id = static_cast<http::FieldId>(i);
    if (!belongs_to_connection(id)) prefixes[i] = prefix_for(to_lower(http::name_of(id)));
  }
  return prefixes;
}

const std::array<NamePrefix, http::kFieldIds> kPrefixes = build_prefixes();

/// A string's length with a prefix of seven bits, not Huffman coded (RFC 7541 §5.1, §5.2).
char* encode_length(char* out, std::size_t length) {
  if (length < 127) {
    *out++ = static_cast<char>(length);
    return out;
  }
  *out++ = 127;
  for (length -= 127; length >= 128; length >>= 7) *out++ = static_cast<char>((length & 127) | 128);
  *out++ = static_cast<char>(length);
  return out;
}

char* encode_text(char* out, std::string_view text) {
  out = encode_length(out, text.size());
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

std::size_t encoded_bound(std::span<const iovec> head) {
  // ": " and CRLF make room for the literal's byte and two short lengths; long ones take up to six more, and are then
  // long enough themselves for a sixteenth to hold that.
  std::size_t size = 64;
  for (const iovec& piece : head) size += piece.iov_len + piece.iov_len / 16;
  return size;
}

char* encode_status(char* out, http::StatusCode status) {
  constexpr std::array<int, 7> kIndexed = {200, 204, 206, 304, 400, 404, 500};
  for (std::size_t i = 0; i < kIndexed.size(); ++i) {
    if (kIndexed[i] != status) continue;
    *out++ = static_cast<char>(0x88 + i);
    return out;
  }
  *out++ = 0x08;
  *out++ = 3;
  return std::to_chars(out, out + 3, status).ptr;
}

char* encode_field(char* out, std::string_view name, std::string_view value) {
  const http::FieldId id = http::find_field_id(name);
  if (id == http::FieldId::kOther) {
    *out++ = 0;
    out = encode_length(out, name.size());
    for (const char c : name) *out++ = yz::to_lower(c);
  } else {
    const NamePrefix& prefix = kPrefixes[static_cast<std::size_t>(id)];
    if (prefix.size == 0) return out;
    std::memcpy(out, prefix.bytes.data(), prefix.size);
    out += prefix.size;
  }
  return encode_text(out, value);
}

char* encode_field(char* out, http::FieldId id, std::uint64_t number) {
  const NamePrefix& prefix = kPrefixes[static_cast<std::size_t>(id)];
  std::memcpy(out, prefix.bytes.data(), prefix.size);
  out += prefix.size;
  char* const end = std::to_chars(out + 1, out + 21, number).ptr;
  *out = static_cast<char>(end - out - 1);
  return end;
}

char* encode_lines(char* out, std::string_view lines) {
  if (lines.starts_with("HTTP/")) lines.remove_prefix(lines.find('\n') + 1);
  while (!lines.empty()) {
    const auto colon = lines.find(':');
    const auto end = lines.find('\r', colon);
    if (end == std::string_view::npos) break;
    out = encode_field(out, lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2));
    lines.remove_prefix(end + 2);
  }
  return out;
}

}  // namespace yz::net::h2
