#pragma once

#include "store/resource_store.h"

namespace yz::store {

/// Scheduling policies; unique names. One that a domain uses cannot be removed (kConflict).
class PolicyStore final : public ResourceStore<model::Policy> {
 public:
  using ResourceStore::ResourceStore;
};

}  // namespace yz::store
