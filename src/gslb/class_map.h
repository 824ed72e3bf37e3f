#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "geo/geo_builder.h"
#include "geo/geo_map.h"
#include "sched/client_class.h"

namespace yz::gslb {

/// The number of a client class in a ClassMap.
struct ClassId {
  std::uint16_t value = 0;
  friend constexpr auto operator<=>(ClassId, ClassId) = default;
};

/// Address -> client class, compiled from the address map: neighbours of one class are merged and the space is cut into
/// blocks that never overlap (leaf-pushed), as RFC 7871 §7.2.1 wants of scopes. No block is longer than /24 or /56, the
/// longest prefixes resolvers send (§11.1); a block of mixed classes at that length has the class of most of its
/// addresses. Private space (§10) is cut out as whole blocks, whose class depends on the resolver.
/// Immutable; any thread. A lookup costs one or two cache lines of a table of about a megabyte.
class ClassMap {
 public:
  /// `overrides` lie over `map`, as in the builder.
  [[nodiscard]] static std::shared_ptr<const ClassMap> compile(const geo::GeoMap& map, const geo::Layer& overrides);

  struct Block {
    ClassId id;
    /// Length of the block around the address in which all have this class.
    std::uint8_t length = 0;
    /// The subnet asked for is wider than its blocks: `id` is the class of most of its addresses, and `length`, longer
    /// than the subnet, says that a narrower one would get a better answer.
    bool is_majority = false;
    /// Private space: the class says nothing, the resolver's counts.
    bool is_private = false;
  };
  /// The class of all (or most) addresses of a subnet.
  [[nodiscard]] Block find(const IpPrefix& subnet) const;
  [[nodiscard]] Block find(const IpAddress& address) const {
    return find(IpPrefix{address, static_cast<std::uint8_t>(address.bit_width())});
  }

  [[nodiscard]] const sched::ClientClass& client_class(ClassId id) const { return classes_[id.value]; }
  [[nodiscard]] std::size_t class_count() const { return classes_.size(); }
  [[nodiscard]] std::size_t run_count(IpFamily family) const;

 private:
  /// Addresses in units of the longest block: 2^24 of IPv4, 2^56 of IPv6.
  struct Run {
    std::uint64_t first;  ///< unit; up to the next run's first
    ClassId id;
  };
  struct Family {
    int unit_bits = 0;
    int inner_bits = 0;  ///< prefixes up to this length have their majority in `inner`
    std::vector<std::uint64_t> firsts;
    std::vector<ClassId> ids;
    std::vector<std::uint32_t> index;
    std::unordered_map<std::uint64_t, ClassId> inner;  ///< (1 << length | prefix) -> majority

    [[nodiscard]] std::size_t run_at(std::uint64_t unit) const;
    [[nodiscard]] std::uint64_t end_of(std::size_t run) const;
    [[nodiscard]] ClassId majority(std::size_t first_run, std::uint64_t first, std::uint64_t last) const;
    void build_index();
  };
  class Compiler;

  [[nodiscard]] const Family& family(IpFamily which) const { return which == IpFamily::kV4 ? v4_ : v6_; }
  [[nodiscard]] bool is_private(ClassId id) const { return id.value < kPrivateClasses; }

  /// The first classes stand for the four private blocks, in the order 10/8, 172.16/12, 192.168/16, fc00::/7.
  static constexpr std::uint16_t kPrivateClasses = 4;

  ClassMap() = default;
  std::vector<sched::ClientClass> classes_;
  Family v4_;
  Family v6_;
};

}  // namespace yz::gslb
