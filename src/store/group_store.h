#pragma once

#include "store/resource_store.h"

namespace yz::store {

/// Node groups; unique names. One that has nodes, or that a policy or another group names, cannot be removed
/// (kConflict).
class GroupStore final : public ResourceStore<model::NodeGroup> {
 public:
  using ResourceStore::ResourceStore;
};

}  // namespace yz::store
