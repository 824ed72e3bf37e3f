#pragma once

#include "cli/demo/story.h"

namespace yz::cli {

/// On production stores: the instance of control that leads is killed. The other takes refreshes at once and leads
/// within seconds; what was accepted before is done. Both run afterwards.
[[nodiscard]] io::Task<Status> leader_dies(Story& story);

}  // namespace yz::cli
