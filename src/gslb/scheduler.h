#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ip.h"
#include "dns/client_subnet.h"
#include "gslb/world.h"
#include "sched/decide.h"
#include "sched/slot_table.h"

namespace yz::gslb {

/// The nodes of one answer, best first, as addresses and as ids.
struct Answer {
  std::array<IpAddress, sched::kMaxAnswers> v4{};
  std::array<IpAddress, sched::kMaxAnswers> v6{};
  std::uint8_t v4_count = 0;
  std::uint8_t v6_count = 0;
  sched::SlotRow nodes;
};

/// Where a viewer is, as far as its query tells.
struct Place {
  ClassId id;
  IpAddress salt_address;  ///< whose block picks among equal nodes
  std::uint8_t scope = 0;  ///< what to return with its client subnet
};

/// What a viewer is sent to.
struct Choice {
  const Answer* answer = nullptr;  ///< null: nobody can serve it now
  std::uint32_t ttl = 0;
};

/// Decides for the queries of one thread. Looks at the source's generation once a query and keeps, per thread and
/// world, what it has worked out: the serving set of each (plan, class) met, and the rendered rows of each distinct
/// set's slot table. A repeated question costs two hash lookups; nothing is shared, nothing locks. Not for several
/// threads.
class Scheduler {
 public:
  explicit Scheduler(const WorldSource& source) : source_(source) {}

  /// The world this thread answers from, renewed if there is a later one. Null before the first.
  [[nodiscard]] const World* refresh();

  /// Where the viewer of a query is: by its client subnet (RFC 7871), or by the address that asked. A subnet of SOURCE
  /// 0 or in private space (§10) leaves the resolver's own address to decide; so does one unknown to the map, if the
  /// resolver's is known.
  [[nodiscard]] static Place locate(const World& world, const IpAddress& resolver,
                                    const std::optional<dns::ClientSubnet>& subnet);

  [[nodiscard]] Choice choose(std::uint32_t plan, model::DomainId domain, const Place& place);

 private:
  struct Table {
    sched::ServingSet set;
    std::array<std::unique_ptr<Answer>, sched::kSlotCount> rows;
  };
  [[nodiscard]] Table* table_of(std::uint32_t plan, ClassId id);
  [[nodiscard]] Answer render(const Table& table, std::size_t slot) const;

  const WorldSource& source_;
  std::shared_ptr<const World> world_;  // shared: the publisher may have moved on
  std::unordered_map<std::uint64_t, Table*> table_of_;
  std::vector<std::unique_ptr<Table>> tables_;
};

}  // namespace yz::gslb
