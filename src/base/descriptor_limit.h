#pragma once

#include <cstdint>

namespace yz {

/// Lets this process open as many descriptors as the system allows it at all (RLIMIT_NOFILE's hard limit): the soft
/// limit of most systems, 1,024, is for programs that use select(2), which none of ours does. Gives the limit now in
/// force.
std::uint64_t raise_descriptor_limit();

}  // namespace yz
