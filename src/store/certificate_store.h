#pragma once

#include "store/resource_store.h"

namespace yz::store {

/// Certificates with their keys; the name is unique within a tenant. One that a domain uses cannot be removed
/// (kConflict).
class CertificateStore final : public ResourceStore<model::Certificate> {
 public:
  using ResourceStore::ResourceStore;
};

}  // namespace yz::store
