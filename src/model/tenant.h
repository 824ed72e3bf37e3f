#pragma once

#include <string>

#include "model/ids.h"

namespace yz::model {

/// A customer of the operator: owns domains, origins, certificates and tasks. Lives in the database only; nodes never
/// see it.
struct Tenant {
  TenantId id;
  std::string name;
  bool enabled = true;

  friend bool operator==(const Tenant&, const Tenant&) = default;
};

}  // namespace yz::model
