#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <variant>

#include "base/clock.h"
#include "model/ids.h"
#include "store/statistics_store.h"

namespace yz::control {

/// What viewers got since this instance began to lead, by domain and by tenant, from the batches as they are stored: a
/// second old, where the database's sums would have to be asked for. Any thread.
class CapMeter final {
 public:
  /// Bandwidth is the mean of this long.
  static constexpr std::chrono::seconds kWindow{4};
  /// What was counted longer ago than this (a node that was away delivers it) says nothing about bandwidth.
  static constexpr std::chrono::seconds kRecent{15};

  explicit CapMeter(const Clock& clock) : clock_(clock) {}

  /// Batches that were new, once they are stored.
  void add(std::span<const store::CountedBatch> batches, const store::UsageOwners& owners);

  struct Reading {
    std::uint64_t bytes = 0;            ///< since the start; only grows
    std::uint64_t bits_per_second = 0;  ///< over the last kWindow
  };
  [[nodiscard]] Reading of(model::DomainId domain) const { return read(domain_, domain); }
  [[nodiscard]] Reading of(model::TenantId tenant) const { return read(tenant_, tenant); }

 private:
  struct Sum {
    std::uint64_t bytes = 0;
    std::int64_t second = 0;  ///< that `slots` end with
    std::array<std::uint64_t, kWindow.count() + 1> slots{};

    void add(std::int64_t now, std::uint64_t more, bool is_recent);
    void move_to(std::int64_t now);
  };
  [[nodiscard]] std::int64_t now() const;
  template <typename Id>
  [[nodiscard]] Reading read(const std::map<Id, Sum>& sums, Id id) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<model::DomainId, Sum> domain_;  // guarded by mutex_
  std::map<model::TenantId, Sum> tenant_;  // guarded by mutex_
};

}  // namespace yz::control
