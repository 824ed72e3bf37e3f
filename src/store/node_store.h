#pragma once

#include "store/resource_store.h"

namespace yz::store {

/// Edge machines; unique names. Draining is a field of the node, changed by update.
class NodeStore final : public ResourceStore<model::Node> {
 public:
  using ResourceStore::ResourceStore;
};

}  // namespace yz::store
