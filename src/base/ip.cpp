#include "base/ip.h"

#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"

namespace yz {

Result<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN + 1] = {};
  if (text.size() < sizeof buffer) {
    std::memcpy(buffer, text.data(), text.size());
    in_addr v4_bytes{};
    in6_addr v6_bytes{};
    if (::inet_pton(AF_INET, buffer, &v4_bytes) == 1) return v4(ntohl(v4_bytes.s_addr));
    if (::inet_pton(AF_INET6, buffer, &v6_bytes) == 1) {
      std::array<std::uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &v6_bytes, bytes.size());
      return v6(bytes);
    }
  }
  return fail(Code::kInvalid, fmt::format("'{}' is not an IP address", text));
}

IpAddress IpAddress::unmapped() const {
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (is_v4() || std::memcmp(bytes_.data(), kMapped.data(), kMapped.size()) != 0) return *this;
  return v4(std::uint32_t{bytes_[12]} << 24 | std::uint32_t{bytes_[13]} << 16 | std::uint32_t{bytes_[14]} << 8 |
            bytes_[15]);
}

IpAddress IpAddress::masked(int length) const {
  IpAddress out = *this;
  for (int i = 0; i < 16; ++i) {
    const int keep = length - 8 * i;
    auto& byte = out.bytes_[static_cast<std::size_t>(i)];
    if (keep <= 0) {
      byte = 0;
    } else if (keep < 8) {
      byte = static_cast<std::uint8_t>(byte & (0xff << (8 - keep)));
    }
  }
  return out;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  for (std::size_t i = 0; i < 15; ++i) {
    if (bytes_[i] != 0) return false;
  }
  return bytes_[15] == 1;
}

bool IpAddress::is_private() const {
  if (!is_v4()) return (bytes_[0] & 0xfe) == 0xfc;
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) || (bytes_[0] == 192 && bytes_[1] == 168);
}

namespace {

/// Without inet_ntop, which goes through sprintf: addresses are written for each forwarded request.
std::string v4_text(const std::uint8_t* bytes) {
  std::string out;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out.push_back('.');
    const unsigned value = bytes[i];
    if (value >= 100) out.push_back(static_cast<char>('0' + value / 100));
    if (value >= 10) out.push_back(static_cast<char>('0' + value / 10 % 10));
    out.push_back(static_cast<char>('0' + value % 10));
  }
  return out;
}

}  // namespace

std::string to_string(const IpAddress& address) {
  if (address.is_v4()) return v4_text(address.bytes().data());
  char buffer[INET6_ADDRSTRLEN];
  return ::inet_ntop(AF_INET6, address.bytes().data(), buffer, sizeof buffer);
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  YZ_TRY(const auto address, IpAddress::parse(text.substr(0, slash)));
  const auto width = static_cast<std::uint32_t>(address.bit_width());
  std::optional<std::uint32_t> length = width;
  if (slash != std::string_view::npos) length = parse_u32(text.substr(slash + 1), width);
  if (!length) return fail(Code::kInvalid, fmt::format("'{}' is not an address block; expected ADDRESS/LENGTH", text));
  if (address.masked(static_cast<int>(*length)) != address) {
    return fail(Code::kInvalid, fmt::format("'{}' has bits set past its length of {}", text, *length));
  }
  return IpPrefix{address, static_cast<std::uint8_t>(*length)};
}

bool IpPrefix::contains(const IpAddress& other) const {
  return other.family() == address.family() && other.masked(length) == address;
}

std::string to_string(const IpPrefix& prefix) { return fmt::format("{}/{}", to_string(prefix.address), prefix.length); }

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto port = colon == std::string_view::npos ? std::nullopt : parse_u32(text.substr(colon + 1), 65535);
  const auto address = IpAddress::parse(host);
  if (!port || !address || bracketed == address->is_v4()) {
    return fail(Code::kInvalid, fmt::format("'{}' is not an endpoint; expected ADDRESS:PORT or [ADDRESS]:PORT", text));
  }
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string to_string(const Endpoint& endpoint) {
  return endpoint.address.is_v4() ? fmt::format("{}:{}", to_string(endpoint.address), endpoint.port)
                                  : fmt::format("[{}]:{}", to_string(endpoint.address), endpoint.port);
}

}  // namespace yz

std::size_t std::hash<yz::IpAddress>::operator()(const yz::IpAddress& address) const noexcept {
  const auto& bytes = address.bytes();
  return yz::hash64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}
