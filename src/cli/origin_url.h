#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace yz::cli {

/// An origin as people write it: "http://host[:port]" or "https://host[:port]".
struct OriginUrl {
  std::string host;  ///< IPv6 without brackets
  std::uint16_t port = 80;
  bool tls = false;
};

/// Fails with kInvalid when it is something else, also when a path follows.
[[nodiscard]] Result<OriginUrl> parse_origin_url(std::string_view url);
/// As the API takes it.
[[nodiscard]] nlohmann::json origin_json(const OriginUrl& origin);

}  // namespace yz::cli
