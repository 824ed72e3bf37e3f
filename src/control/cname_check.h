#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "io/blocking_pool.h"
#include "io/task.h"
#include "model/config_snapshot.h"

namespace yz::control {

/// Where a name leads in DNS.
struct NameLookup {
  enum class State { kFound, kNoRecord, kFailed };
  State state = State::kFailed;
  std::string canonical;  ///< the end of the CNAME chain, lower case, without the final dot
  std::vector<IpAddress> addresses;
};

/// Asks the system's resolver, on a thread of `pool`, which others' work must not need: a customer's name server may
/// take as long as it likes. kFailed at the deadline; fails with kLimit when too many names are being asked for.
[[nodiscard]] io::Task<Result<NameLookup>> look_up_name(io::BlockingPool& pool, std::string name, MonoTime deadline);

/// Whether viewers of the name come to us: "points_here" when its CNAME chain ends at `target`, "served_here" when all
/// its addresses are of our nodes (a name at a zone's apex cannot have a CNAME), "elsewhere", "no_record", "failed".
[[nodiscard]] std::string_view judge_cname(const NameLookup& found, std::string_view target,
                                           const model::ConfigSnapshot& config);

}  // namespace yz::control
