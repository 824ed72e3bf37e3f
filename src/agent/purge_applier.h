#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

#include "agent/cache_driver.h"
#include "agent/control_link.h"
#include "agent/edge_presence.h"
#include "io/waiters.h"

namespace yz::agent {

/// Gives control's purge records to the edge in order, without gaps, and acknowledges what is in force. A restarted
/// edge that has lost records gets them again from a short memory of ours, or is told to revalidate all it has. One
/// reactor's thread.
class PurgeApplier {
 public:
  PurgeApplier(CacheDriver& driver, const EdgePresence& edge, ControlSink& control, io::Waiters& changed)
      : driver_(driver), edge_(edge), control_(control), changed_(changed) {}

  /// A new process gets purges only when `may_begin` says so of it. Before run().
  void begin_when(std::function<bool(std::uint64_t generation)> may_begin) { may_begin_ = std::move(may_begin); }
  /// How far purges were applied when the agent last ran. Before run().
  void restore(model::PurgeSeq position) { applied_ = position; }
  /// From a new session's Welcome: control's newest record. What waited from the session before is dropped, for control
  /// sends again what Hello said was missing.
  void on_welcome(model::PurgeSeq newest);
  void on_records(rpc::PurgeRecords records);
  void on_resync(const rpc::PurgeResync& resync);
  /// Control is away and nobody can say what was missed: everything cached is revalidated, then the edge may serve.
  void go_on_alone();

  /// For ever; the agent's scope ends it.
  [[nodiscard]] io::Task<void> run();

  [[nodiscard]] model::PurgeSeq applied() const { return applied_; }
  /// The edge that answers now has everything that was published when the session began, or was told to revalidate.
  [[nodiscard]] bool is_caught_up() const;

 private:
  /// What the edge is to be given; `records` null: to revalidate everything.
  struct Work {
    model::PurgeSeq first;
    model::PurgeSeq last;
    rpc::SharedBytes records;
  };
  [[nodiscard]] io::Task<bool> align();
  [[nodiscard]] io::Task<bool> do_next();
  [[nodiscard]] io::Task<Result<model::PurgeSeq>> give(Work work);
  void remember(const Work& work);
  void forget();

  CacheDriver& driver_;
  const EdgePresence& edge_;
  ControlSink& control_;
  io::Waiters& changed_;

  std::function<bool(std::uint64_t)> may_begin_ = [](std::uint64_t) { return true; };
  model::PurgeSeq applied_;
  std::optional<model::PurgeSeq> target_;  // of the last Welcome
  bool alone_ = false;                     // go_on_alone() was asked for
  bool revalidated_ = false;               // and done
  std::uint64_t generation_ = 0;           // the process known to be at applied_
  std::uint64_t session_ = 0;              // counts Welcomes: work of an older session is not gone on with
  std::deque<Work> waiting_;
  std::deque<Work> remembered_;  // contiguous, up to applied_
  std::size_t remembered_bytes_ = 0;
};

}  // namespace yz::agent
