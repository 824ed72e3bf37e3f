#include "edge/upstream/peer_auth.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"

namespace yz::edge {
namespace {

std::string signature(std::string_view key, std::string_view node, std::string_view time, std::string_view host,
                      std::string_view target) {
  return to_hex(hmac_sha256(key, fmt::format("yz-peer\n{}\n{}\n{}\n{}", node, time, to_lower(host), target)));
}

}  // namespace

std::string sign_peer(std::string_view cluster_key, model::NodeId self, WallTime now, std::string_view host,
                      std::string_view target) {
  const std::string node = std::to_string(self.value);
  const std::string time = std::to_string(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  return node + " " + time + " " + signature(cluster_key, node, time, host, target);
}

std::optional<model::NodeId> verify_peer(std::string_view cluster_key, std::string_view field, WallTime now,
                                         std::string_view host, std::string_view target) {
  if (cluster_key.empty()) return std::nullopt;
  const auto parts = split(field, ' ');
  if (parts.size() != 3) return std::nullopt;
  const auto node = parse_u64(parts[0]);
  const auto time = parse_u64(parts[1]);
  if (!node || !time || *time > 1ULL << 40) return std::nullopt;
  const WallTime sent{std::chrono::seconds(static_cast<std::int64_t>(*time))};
  if (sent > now + kPeerWindow || sent < now - kPeerWindow) return std::nullopt;
  if (!equal_in_constant_time(parts[2], signature(cluster_key, parts[0], parts[1], host, target))) return std::nullopt;
  return model::NodeId{*node};
}

}  // namespace yz::edge
