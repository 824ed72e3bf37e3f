#pragma once

#include "store/resource_store.h"

namespace yz::store {

/// What certificate authorities are to find at edges and schedulers; rolling the configuration back leaves them alone.
class ChallengeStore final : public ResourceStore<model::Challenge> {
 public:
  using ResourceStore::ResourceStore;
};

}  // namespace yz::store
