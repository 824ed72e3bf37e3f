#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/cache_driver.h"
#include "agent/control_link.h"
#include "agent/edge_presence.h"
#include "io/waiters.h"
#include "model/config_snapshot.h"

namespace yz::agent {

/// Brings control's configuration into the edge and keeps it there: what arrives, and after a restart of the edge all
/// of it again. Changes that arrive while the edge is busy or down are folded into one. A configuration that the edge
/// refuses is reported with its reason and the last good one stays. One reactor's thread.
class ConfigApplier {
 public:
  ConfigApplier(CacheDriver& driver, const EdgePresence& edge, ControlSink& control, io::Waiters& changed)
      : driver_(driver), edge_(edge), control_(control), changed_(changed) {}

  /// What was in force when the agent last ran. Before run().
  void restore(model::ConfigSnapshot snapshot);
  /// From a new session's Welcome: control is at `seq`.
  void on_welcome(model::ConfigSeq seq);
  /// Control is away: what it last announced is not waited for any more.
  void go_on_alone();
  void on_snapshot(const rpc::ConfigSnapshotUpdate& update);
  void on_delta(const rpc::ConfigDeltaUpdate& update);

  /// For ever; the agent's scope ends it.
  [[nodiscard]] io::Task<void> run();

  /// The last configuration the edge accepted; null before the first. Shared with whoever saves it.
  [[nodiscard]] const model::SnapshotPtr& good() const { return good_; }
  [[nodiscard]] model::ConfigSeq good_seq() const { return good_ ? good_->seq : model::ConfigSeq{}; }
  [[nodiscard]] const std::string& good_hash() const { return good_hash_; }
  /// True while the next Hello is to ask for a whole snapshot.
  [[nodiscard]] bool needs_snapshot() const { return needs_snapshot_; }
  /// The edge that answers now has a configuration, and everything control had sent was dealt with.
  [[nodiscard]] bool is_settled() const;
  /// Process `generation` was given what there is: purges, which are understood by the configuration, may follow.
  [[nodiscard]] bool was_given_to(std::uint64_t generation) const { return !wanted_ || served_ == generation; }

 private:
  [[nodiscard]] io::Task<bool> push();
  [[nodiscard]] io::Task<Status> give_to_edge(model::SnapshotPtr attempt);
  [[nodiscard]] io::Task<void> give_back_good();
  void want(model::ConfigSnapshot snapshot);

  CacheDriver& driver_;
  const EdgePresence& edge_;
  ControlSink& control_;
  io::Waiters& changed_;

  model::SnapshotPtr wanted_;  // control's newest
  model::SnapshotPtr good_;    // the edge's newest
  std::string good_hash_;
  rpc::ConfigDeltaUpdate last_delta_;  // the last step to wanted_, if it was one
  model::ConfigSeq target_;            // of the last Welcome
  model::ConfigSeq answered_;          // acknowledged or refused up to here
  model::ConfigSeq in_edge_;           // in force in the process `generation_`
  std::uint64_t generation_ = 0;       // the process wanted_ was given to
  std::uint64_t served_ = 0;           // the process that took or refused it
  bool needs_snapshot_ = false;
};

}  // namespace yz::agent
