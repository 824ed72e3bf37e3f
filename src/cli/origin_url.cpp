#include "cli/origin_url.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace yz::cli {

Result<OriginUrl> parse_origin_url(std::string_view url) {
  const auto bad = [&](std::string_view why) {
    return fail(Code::kInvalid,
                fmt::format("'{}' is not an origin: {}; expected http://host[:port] or https://host[:port]", url, why),
                Fault::kClient);
  };
  OriginUrl out;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    out.tls = true, out.port = 443, rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return bad("no scheme");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != std::string_view::npos) return bad("more than a host and a port");
  const auto bracket = rest.rfind(']');
  const auto colon = rest.rfind(':');
  std::string_view host = rest;
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const auto port = parse_u32(rest.substr(colon + 1), 65535);
    if (!port || *port == 0) return bad("the port is not 1 to 65535");
    out.port = static_cast<std::uint16_t>(*port);
    host = rest.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty()) return bad("no host");
  out.host = host;
  return out;
}

nlohmann::json origin_json(const OriginUrl& origin) {
  return {{"host", origin.host}, {"port", origin.port}, {"tls", origin.tls}};
}

}  // namespace yz::cli
