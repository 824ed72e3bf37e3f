#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/ids.h"

namespace yz::model {

/// How a certificate authority looks whether a host is ours (RFC 8555 §8).
enum class ChallengeKind : std::uint8_t {
  kHttp,  ///< http-01: every edge answers /.well-known/acme-challenge/<token> of the host with `value`
  kDns,   ///< dns-01: schedulers answer TXT of challenge_name(host) with `value`
};

/// What an authority is to find while an order is under way. Here for minutes; control adds and removes it.
struct Challenge {
  ChallengeId id;
  TenantId tenant;
  std::string name;  ///< unique: "order/12/<token>"
  ChallengeKind kind = ChallengeKind::kHttp;
  std::string host;   ///< lower case, without "*."
  std::string token;  ///< base64url
  std::string value;  ///< what is answered; no secret

  friend bool operator==(const Challenge&, const Challenge&) = default;
};

inline constexpr std::string_view kChallengePath = "/.well-known/acme-challenge/";

/// Where our zone answers dns-01 for a host: its owner makes _acme-challenge.<host> a CNAME of it.
[[nodiscard]] inline std::string challenge_name(std::string_view host, std::string_view cdn_zone) {
  return "_acme-challenge." + std::string(host) + '.' + std::string(cdn_zone);
}

}  // namespace yz::model
