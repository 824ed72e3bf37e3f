#include "net/h2/head_memo.h"

#include <cstring>

#include "base/hash.h"
#include "net/h2/head_encoder.h"

namespace yz::net::h2 {
namespace {

std::uint64_t address_hash(std::string_view text) {
  return (reinterpret_cast<std::uintptr_t>(text.data()) >> 4) * 0x9e3779b97f4a7c15;
}

}  // namespace

char* HeadMemo::encode(char* out, std::string_view lines) {
  if (lines.size() < kLeast || lines.size() > kLongest) return encode_lines(out, lines);
  if (!entries_) entries_ = std::make_unique<std::array<Entry, kEntries>>();
  const std::uint64_t mixed = lines.size() < kStays ? hash64(lines) : address_hash(lines);
  Entry& entry = (*entries_)[mixed >> 56];
  if (entry.size == lines.size() && std::memcmp(entry.text.data(), lines.data(), lines.size()) == 0) {
    std::memcpy(out, entry.encoded.data(), entry.encoded_size);
    return out + entry.encoded_size;
  }
  char* const end = encode_lines(out, lines);
  const auto size = static_cast<std::size_t>(end - out);
  if (size > kLongest) return end;
  std::memcpy(entry.text.data(), lines.data(), lines.size());
  std::memcpy(entry.encoded.data(), out, size);
  entry.size = static_cast<std::uint16_t>(lines.size());
  entry.encoded_size = static_cast<std::uint16_t>(size);
  return end;
}

}  // namespace yz::net::h2
