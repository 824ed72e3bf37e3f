#include "http/authority.h"

#include <algorithm>

#include "base/ip.h"
#include "base/text.h"
#include "http/scan.h"

namespace yz::http {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.size() > 5) return std::nullopt;
  const auto port = parse_u32(text, 65535);
  if (!port || *port == 0) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const auto address = IpAddress::parse(text.substr(1, end - 1));
    if (!address || address->is_v4()) return std::nullopt;
    ++end;
  } else {
    while (end < text.size() && is_host_char(text[end])) ++end;
    if (end == 0 || end > 255) return std::nullopt;
  }
  Authority out{text.substr(0, end), 0};
  if (end == text.size()) return out;
  if (text[end] != ':') return std::nullopt;
  const auto port = parse_port(text.substr(end + 1));
  if (!port) return std::nullopt;
  out.port = *port;
  return out;
}

std::uint16_t default_port(std::string_view scheme) {
  if (equals_ignoring_case(scheme, "http")) return 80;
  if (equals_ignoring_case(scheme, "https")) return 443;
  return 0;
}

bool same_authority(const Authority& a, const Authority& b, std::string_view scheme) {
  const auto port = [&](const Authority& x) { return x.port == 0 ? default_port(scheme) : x.port; };
  return port(a) == port(b) && equals_ignoring_case(a.host, b.host);
}

Reference split_reference(std::string_view text) {
  Reference out;
  text = text.substr(0, text.find('#'));
  const auto colon = text.find(':');
  const bool has_scheme = colon != std::string_view::npos && colon > 0 && text.find_first_of("/?") > colon &&
                          std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
                            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                   c == '+' || c == '-' || c == '.';
                          });
  if (has_scheme) {
    out.scheme = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const auto end = std::min(text.find_first_of("/?"), text.size());
    out.authority = text.substr(0, end);
    out.has_authority = true;
    text.remove_prefix(end);
  }
  const auto question = text.find('?');
  out.path = text.substr(0, question);
  if (question != std::string_view::npos) {
    out.has_query = true;
    out.query = text.substr(question + 1);
  }
  return out;
}

}  // namespace yz::http
