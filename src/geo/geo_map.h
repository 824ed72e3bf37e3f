#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/ip.h"
#include "base/result.h"
#include "geo/region.h"

namespace yz::geo {

/// The compiled address map: one flat read-only file (docs/formats/geo-map.md), memory-mapped and shared between
/// processes. Any thread may look up; the object must outlive the use of it. Costs one to three cache lines a lookup.
class GeoMap {
 public:
  /// Maps the file. Fails with kNotFound or kIo, and with kCorrupt when anything in it is not as the format says: the
  /// whole file is checked once (a few milliseconds), so that lookups need no checks.
  [[nodiscard]] static Result<std::shared_ptr<const GeoMap>> open(const std::filesystem::path& path);
  /// The same over bytes that the map then owns.
  [[nodiscard]] static Result<std::shared_ptr<const GeoMap>> from_bytes(std::string bytes);
  /// A map that knows nothing.
  [[nodiscard]] static std::shared_ptr<const GeoMap> empty();

  ~GeoMap();
  GeoMap(const GeoMap&) = delete;
  GeoMap& operator=(const GeoMap&) = delete;

  /// What is known of the address. IPv4 carried in IPv6 (mapped, NAT64, 6to4, Teredo) counts as that IPv4.
  [[nodiscard]] const GeoInfo& lookup(const IpAddress& address) const;

  /// The largest aligned block around the address that lies in one range of the map, all with the same info.
  struct Located {
    GeoInfo info;
    IpPrefix block;
  };
  [[nodiscard]] Located locate(const IpAddress& address) const;

  /// Calls `visit(first, last, info)` for every range of a family in ascending order, first and last included. The
  /// ranges do not overlap, cover the whole family, and neighbours differ.
  using Visitor = std::function<void(const IpAddress& first, const IpAddress& last, const GeoInfo& info)>;
  void for_each_range(IpFamily family, const Visitor& visit) const;

  /// Seconds since the epoch at which the file was built; 0 for an empty map.
  [[nodiscard]] std::uint64_t built_at() const;
  [[nodiscard]] std::size_t range_count(IpFamily family) const;

 private:
  struct Data;
  explicit GeoMap(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;
};

/// The IPv4 address inside ::/96, ::ffff:0:0/96 (RFC 4291), 64:ff9b::/96 (RFC 6052), 2002::/16 (RFC 3056) and
/// 2001::/32 (Teredo, RFC 4380, inverted bits); the address itself otherwise. `:: ` and `::1` stay IPv6.
[[nodiscard]] IpAddress embedded_v4(const IpAddress& address);

}  // namespace yz::geo
