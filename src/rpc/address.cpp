#include "rpc/address.h"

#include "base/text.h"

namespace yz::rpc {

Result<HostPort> HostPort::parse(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon != std::string::npos && colon > 0) {
    std::string host = text.substr(0, colon);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const auto port = parse_u32(std::string_view(text).substr(colon + 1), 65'535);
    if (!host.empty() && port) return HostPort{std::move(host), static_cast<std::uint16_t>(*port)};
  }
  return fail(Code::kInvalid, "'" + text + "' is not host:port");
}

}  // namespace yz::rpc
