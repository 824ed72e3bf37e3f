#include "http/field_id.h"

#include <array>

#include "base/text.h"

namespace yz::http {
namespace {

/// In the order of FieldId.
constexpr std::array<std::string_view, kFieldIds> kNames = {"",
                                                            "Accept",
                                                            "Accept-Encoding",
                                                            "Accept-Language",
                                                            "Accept-Ranges",
                                                            "Age",
                                                            "Authorization",
                                                            "Cache-Control",
                                                            "Cache-Status",
                                                            "Cache-Tag",
                                                            "CDN-Cache-Control",
                                                            "CDN-Loop",
                                                            "Connection",
                                                            "Content-Encoding",
                                                            "Content-Language",
                                                            "Content-Length",
                                                            "Content-Location",
                                                            "Content-Range",
                                                            "Content-Type",
                                                            "Cookie",
                                                            "Date",
                                                            "ETag",
                                                            "Expect",
                                                            "Expires",
                                                            "Forwarded",
                                                            "Host",
                                                            "If-Match",
                                                            "If-Modified-Since",
                                                            "If-None-Match",
                                                            "If-Range",
                                                            "If-Unmodified-Since",
                                                            "Keep-Alive",
                                                            "Last-Modified",
                                                            "Location",
                                                            "Origin",
                                                            "Pragma",
                                                            "Proxy-Authenticate",
                                                            "Proxy-Authorization",
                                                            "Proxy-Connection",
                                                            "Range",
                                                            "Referer",
                                                            "Retry-After",
                                                            "Server",
                                                            "Set-Cookie",
                                                            "Surrogate-Control",
                                                            "Surrogate-Key",
                                                            "TE",
                                                            "Trailer",
                                                            "Transfer-Encoding",
                                                            "Upgrade",
                                                            "User-Agent",
                                                            "Vary",
                                                            "Via",
                                                            "Warning",
                                                            "X-Forwarded-For",
                                                            "X-Forwarded-Host",
                                                            "X-Forwarded-Proto",
                                                            "Yz-Born-Seq",
                                                            "Yz-Peer",
                                                            "Yz-Purge-Seq"};

constexpr std::size_t kSlots = 256;

/// Length, first, middle and last letter tell all our names apart well enough for short probe runs.
constexpr std::size_t slot_of(std::string_view name) {
  const auto letter = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(name[i]) | 0x20U);
  };
  const std::size_t n = name.size();
  return (n * 7 + letter(0) * 31 + letter(n / 2) * 13 + letter(n - 1) * 5) % kSlots;
}

constexpr std::array<std::uint8_t, kSlots> build_table() {
  std::array<std::uint8_t, kSlots> table{};
  for (std::size_t id = 1; id < kFieldIds; ++id) {
    std::size_t slot = slot_of(kNames[id]);
    while (table[slot] != 0) slot = (slot + 1) % kSlots;
    table[slot] = static_cast<std::uint8_t>(id);
  }
  return table;
}

constexpr auto kTable = build_table();

/// The names in lower case.
struct LowerNames {
  std::array<std::array<char, 32>, kFieldIds> text{};
  constexpr LowerNames() {
    for (std::size_t id = 0; id < kFieldIds; ++id) {
      for (std::size_t i = 0; i < kNames[id].size(); ++i) text[id][i] = to_lower(kNames[id][i]);
    }
  }
  [[nodiscard]] std::string_view of(std::size_t id) const { return {text[id].data(), kNames[id].size()}; }
};
constexpr LowerNames kLowerNames;

}  // namespace

FieldId find_field_id(std::string_view name) {
  if (name.empty()) return FieldId::kOther;
  for (std::size_t slot = slot_of(name); kTable[slot] != 0; slot = (slot + 1) % kSlots) {
    // As registered, or all lower case (HTTP/2) nearly always.
    const std::size_t id = kTable[slot];
    if (kNames[id] == name || kLowerNames.of(id) == name || equals_ignoring_case(kNames[id], name)) {
      return static_cast<FieldId>(id);
    }
  }
  return FieldId::kOther;
}

std::string_view name_of(FieldId id) { return kNames[static_cast<std::size_t>(id)]; }

}  // namespace yz::http
