#pragma once

#include "model/config_snapshot.h"
#include "model/problem.h"

namespace yz::model {

/// What is wrong with a configuration as a whole: references that lead nowhere, names that break their grammar, hosts
/// and labels claimed twice, groups without members, values out of bounds. Pointers are those of the snapshot's JSON
/// form with resources by id: "/domains/12/origin_group". Empty when it may be published.
[[nodiscard]] Problems validate(const ConfigSnapshot& snapshot);

/// The checks of one resource that need no other; pointers are relative to it: "/name".
[[nodiscard]] Problems validate(const Resource& resource);

/// The checks a change of `key` alone can break: itself and whoever refers to it. What control runs on each API call.
[[nodiscard]] Problems validate_change(const ConfigSnapshot& after, const ResourceKey& key);

}  // namespace yz::model
