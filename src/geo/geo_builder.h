#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "geo/address_value.h"
#include "geo/region.h"

namespace yz::geo {

/// What one source says about addresses. A fact it does not know stays unknown and leaves what lies below visible.
class Layer {
 public:
  struct Range {
    AddressValue first;
    AddressValue last;  ///< included
    GeoInfo facts;
  };

  /// Ranges may come in any order. Where they overlap the one that starts later (the more specific block) wins, and
  /// takes from the other what it does not know itself.
  void add(IpFamily family, AddressValue first, AddressValue last, const GeoInfo& facts);
  void add(const IpPrefix& block, const GeoInfo& facts);

  [[nodiscard]] std::size_t size() const { return v4_.size() + v6_.size(); }
  /// Sorted and disjoint.
  [[nodiscard]] std::vector<Range> flattened(IpFamily family) const;

 private:
  std::vector<Range> v4_;
  std::vector<Range> v6_;
};

/// Lays sources over each other, the later over the earlier, and compiles the map's file. Linear in the ranges.
/// Two rules hold over all layers: a province goes with its country (it is dropped when a later layer names another
/// country), and an ISP that no source names is taken from the AS number (`isp_of_asn`).
class GeoBuilder {
 public:
  GeoBuilder();
  void lay(const Layer& layer);
  /// The bytes of docs/formats/geo-map.md. `built_at` in seconds since the epoch.
  [[nodiscard]] std::string build(std::uint64_t built_at) const;

 private:
  /// From here up to the next cut. The first is at zero, so that all addresses are covered.
  struct Cut {
    AddressValue first;
    GeoInfo info;
  };
  static std::vector<Cut> overlaid(const std::vector<Cut>& base, const std::vector<Layer::Range>& layer,
                                   IpFamily family);
  static std::vector<Cut> finished(const std::vector<Cut>& cuts);
  std::vector<Cut> v4_;
  std::vector<Cut> v6_;
};

/// `below` with every fact that `above` knows put over it.
[[nodiscard]] GeoInfo overlay(const GeoInfo& below, const GeoInfo& above);

}  // namespace yz::geo
