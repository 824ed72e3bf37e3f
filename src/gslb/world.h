#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "gslb/class_map.h"
#include "gslb/zone_builder.h"
#include "sched/view.h"

namespace yz::gslb {

/// Domains that are scheduled alike share a plan: same policy, and the same nodes have their newest version in force.
struct Plan {
  model::DomainId representative;
};

/// Everything an answer is made from, at one instant. Each layer is shared with the worlds before and after that did
/// not change it: a health flip makes a new view and plans, and touches neither zones nor the map.
struct World {
  std::uint64_t generation = 0;
  std::shared_ptr<const Zones> zones;
  std::shared_ptr<const ClassMap> map;
  std::shared_ptr<const sched::SchedView> view;
  std::vector<std::uint32_t> plan_of_service;  ///< service number - 1 -> index into plans
  std::unordered_map<model::DomainId, std::uint32_t> plan_of_domain;
  std::vector<Plan> plans;

  /// Puts the layers together. O(services + nodes) while all nodes have all domains in force.
  [[nodiscard]] static std::shared_ptr<const World> make(std::shared_ptr<const Zones> zones,
                                                         std::shared_ptr<const ClassMap> map,
                                                         std::shared_ptr<const sched::SchedView> view,
                                                         std::uint64_t generation);
};

/// The present world. One thread publishes; any number of readers look at one number per query and take the new world
/// when it has changed, so that answering shares nothing with anybody in between.
class WorldSource {
 public:
  void publish(std::shared_ptr<const World> world) {
    const std::lock_guard lock(mutex_);
    current_ = std::move(world);
    generation_.store(current_->generation, std::memory_order_release);
  }
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  /// Once a change for each reader; libstdc++ 12's atomic shared_ptr takes a lock as well.
  [[nodiscard]] std::shared_ptr<const World> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  std::atomic<std::uint64_t> generation_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const World> current_;  // guarded by mutex_; shared: workers keep theirs until they look again
};

}  // namespace yz::gslb
