#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/cache_control.h"
#include "http/status.h"

namespace yz::http {

/// Why a request went forward (RFC 9211 §2.2).
enum class Forward : std::uint8_t { kNone, kBypass, kMethod, kUriMiss, kVaryMiss, kMiss, kRequest, kStale, kPartial };

/// Its name as in the field, "uri-miss"; empty for kNone.
[[nodiscard]] std::string_view to_string(Forward forward);

/// One member of Cache-Status (RFC 9211).
struct CacheStatus {
  bool hit = false;  ///< answered from the store, without going forward
  Forward forward = Forward::kNone;
  StatusCode forward_status = 0;  ///< 0: unknown
  bool stored = false;
  bool collapsed = false;
  std::optional<seconds> ttl;  ///< remaining freshness; negative when stale
  std::string_view detail;     ///< a token
};

/// Appends `cache; hit; ttl=30` or `cache; fwd=uri-miss; fwd-status=200; stored`. `cache` is our name as a token.
void append_cache_status(std::string& out, std::string_view cache, const CacheStatus& status);

}  // namespace yz::http
