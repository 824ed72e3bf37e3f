#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "model/node.h"

namespace yz::model {

/// How a request was answered, as counted and as shown in Cache-Status (RFC 9211).
enum class CacheResult : std::uint8_t {
  kNone,         ///< the cache had no part: errors, redirects, health checks
  kHit,          ///< fresh from the store
  kMiss,         ///< fetched, also when joined to another's fetch
  kRevalidated,  ///< stored, confirmed by a 304
  kStale,        ///< stored and stale, served as the rules allow
  kBypass,       ///< passed through, not storable by method or rule
};

/// What a viewer spoke.
enum class Protocol : std::uint8_t {
  kUnknown,  ///< counted before protocols were told apart
  kHttp1,
  kHttp2,
  kHttp3,
};

/// What is counted together. `status_class` is 1-5 for 1xx-5xx. The viewer's place is in the stable numbers of
/// src/geo/region.h, zero where it is not known or the one who asked was a node.
struct UsageKey {
  std::uint32_t minute = 0;  ///< since the epoch, UTC, when the response ended, or its bytes were sent
  DomainId domain;           ///< none: no domain of ours
  Tier tier = Tier::kL1;     ///< bills count kL1 alone
  std::uint8_t status_class = 2;
  CacheResult cache_result = CacheResult::kNone;
  Protocol protocol = Protocol::kUnknown;
  bool is_tls = false;
  std::uint16_t country = 0;  ///< two letters: 'C' << 8 | 'N'
  std::uint8_t province = 0;
  std::uint8_t isp = 0;

  friend auto operator<=>(const UsageKey&, const UsageKey&) = default;
};

/// Sums over ended requests; of those that last long, bytes come as they are sent and the rest at the end. Bytes are
/// those on the wire below TLS, heads included, as accepted by the kernel.
struct UsageCounts {
  std::uint64_t requests = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t origin_requests = 0;  ///< sent to the next tier or the origin on behalf of these
  std::uint64_t origin_bytes = 0;     ///< received from there
  std::uint64_t duration_us = 0;      ///< from the first byte of the request to the last of the response

  UsageCounts& operator+=(const UsageCounts& other);
  friend bool operator==(const UsageCounts&, const UsageCounts&) = default;
};

struct UsageRecord {
  UsageKey key;
  UsageCounts counts;

  friend bool operator==(const UsageRecord&, const UsageRecord&) = default;
};

/// What a node ships at once. (node, epoch, number) names it for good: stored once however often it arrives.
struct UsageBatch {
  NodeId node;
  std::uint64_t epoch = 0;   ///< drawn when the node's counter file was created
  std::uint64_t number = 0;  ///< 1, 2, 3 within the epoch
  std::vector<UsageRecord> records;
  /// The time whose requests the batch holds, [from, until); batches of one epoch follow each other without a gap.
  /// Both zero in batches of before format 4.
  WallTime covers_from;
  WallTime covers_until;

  friend bool operator==(const UsageBatch&, const UsageBatch&) = default;
};

}  // namespace yz::model
