#pragma once

#include <string>
#include <string_view>

#include "base/text.h"
#include "dns/name.h"
#include "dns/protocol.h"

/// Queries as bytes, for tests.
namespace yz::dns::test {

inline std::string be16(unsigned value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

/// A header with its four counts.
inline std::string header(unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar, unsigned id = 0x1234) {
  return be16(id) + be16(flags) + be16(qd) + be16(an) + be16(ns) + be16(ar);
}

inline std::string question(std::string_view name, unsigned type, unsigned dns_class = 1) {
  return std::string(Name::parse(name)->wire()) + be16(type) + be16(dns_class);
}

inline std::string option(unsigned code, std::string_view value) {
  return be16(code) + be16(static_cast<unsigned>(value.size())) + std::string(value);
}

inline std::string opt(std::string_view options = {}, unsigned payload = 1232, unsigned version = 0,
                       unsigned flags = 0) {
  return std::string(1, '\0') + be16(41) + be16(payload) + std::string{'\0', static_cast<char>(version)} + be16(flags) +
         be16(static_cast<unsigned>(options.size())) + std::string(options);
}

/// A plain query, with `extra` as its one additional record when not empty.
inline std::string query(std::string_view name, Type type, std::string_view extra = {}, unsigned flags = 0x0100) {
  return header(flags, 1, 0, 0, extra.empty() ? 0 : 1) + question(name, static_cast<unsigned>(type)) +
         std::string(extra);
}

/// A client subnet option from hexadecimal: family, source, scope, address.
inline std::string ecs(std::string_view hex) { return option(8, *from_hex(hex)); }

}  // namespace yz::dns::test
