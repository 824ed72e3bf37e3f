#pragma once

#include <cstdint>
#include <string>

#include "model/ids.h"

namespace yz::model {

/// How much of refresh and prefetch a tenant's people and programs may ask for on one day (UTC). 0: nothing.
struct TaskQuota {
  static constexpr std::uint32_t kMost = 10'000'000;

  std::uint32_t refresh_urls = 10'000;
  std::uint32_t refresh_groups = 100;  ///< directories, tags and whole domains
  std::uint32_t prefetch_urls = 1'000;

  friend bool operator==(const TaskQuota&, const TaskQuota&) = default;
};

/// A customer of the operator: owns domains, origins, certificates and tasks. Lives in the database only; nodes never
/// see it.
struct Tenant {
  TenantId id;
  std::string name;
  bool enabled = true;
  TaskQuota quota{};

  friend bool operator==(const Tenant&, const Tenant&) = default;
};

}  // namespace yz::model
