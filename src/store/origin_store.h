#pragma once

#include "store/resource_store.h"

namespace yz::store {

/// Origin groups; the name is unique within a tenant. One that a domain uses cannot be removed (kConflict).
class OriginStore final : public ResourceStore<model::OriginGroup> {
 public:
  using ResourceStore::ResourceStore;
};

}  // namespace yz::store
