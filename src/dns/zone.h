#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/record.h"

namespace yz::dns {

/// All records of one type at one name.
struct RrSet {
  Type type{};
  std::uint32_t ttl = 0;
  std::vector<std::string> data;  ///< wire form, one for each record
};

/// What exists at one name. Without sets and service it is an empty non-terminal: it exists, with no data (RFC 8020).
struct ZoneNode {
  std::vector<RrSet> sets;
  std::uint32_t service = 0;  ///< not 0: A and AAAA are made per client; the number says by which service

  [[nodiscard]] const RrSet* find(Type type) const;
};

/// One zone: names and what they hold, immutable once built. Lookups allocate nothing; any thread.
class Zone {
 public:
  /// A name whose addresses depend on who asks.
  struct Service {
    Name owner;
    std::uint32_t number = 0;
  };

  /// Checks and indexes. Fails with kInvalid, naming the record, when one lies outside the zone, the SOA or the NS at
  /// the apex are missing, a CNAME has company or stands at the apex, or NS stands below the apex (no delegations).
  [[nodiscard]] static Result<Zone> build(const Name& origin, std::span<const Record> records,
                                          std::span<const Service> services);

  [[nodiscard]] const Name& origin() const { return origin_; }
  /// The node of a lower-case name, or null when there is none (NXDOMAIN).
  [[nodiscard]] const ZoneNode* find(const Name& lowered) const;
  [[nodiscard]] const RrSet& soa() const { return *soa_; }
  /// How long resolvers may keep "there is none": min(TTL of the SOA, its MINIMUM) (RFC 2308 §5).
  [[nodiscard]] std::uint32_t negative_ttl() const { return negative_ttl_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view wire) const;
  };
  using Nodes = std::unordered_map<std::string, ZoneNode, Hash, std::equal_to<>>;

  Zone() = default;
  ZoneNode& node_at(const Name& lowered);
  Status check() const;

  Name origin_;
  Nodes nodes_;
  const RrSet* soa_ = nullptr;
  std::uint32_t negative_ttl_ = 0;
};

}  // namespace yz::dns
