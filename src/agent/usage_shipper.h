#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <utility>

#include "agent/control_link.h"
#include "io/blocking_pool.h"
#include "io/waiters.h"
#include "model/spool_name.h"

namespace yz::agent {

/// Sends the edge's usage batches to control and removes each once control has stored it. The files are the memory:
/// what is sent twice (a lost session, a restart, no answer for half a minute) control recognises by (node, epoch,
/// number). One reactor's thread.
class UsageShipper {
 public:
  UsageShipper(std::filesystem::path spool, io::BlockingPool& pool, ControlLink& control)
      : spool_(std::move(spool)), pool_(pool), control_(control) {}

  /// For ever; the agent's scope ends it.
  [[nodiscard]] io::Task<void> run();
  void on_ack(const rpc::UsageAck& ack);
  /// What was sent in the session that ended is to be sent again.
  void on_disconnected() { under_way_.clear(); }

  /// Batches sent and not yet acknowledged.
  [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }

 private:
  [[nodiscard]] io::Task<void> ship_what_is_there();

  const std::filesystem::path spool_;
  io::BlockingPool& pool_;
  ControlLink& control_;
  struct Sent {
    std::filesystem::path path;
    MonoTime at;
  };
  std::map<model::SpoolName, Sent> under_way_;
};

}  // namespace yz::agent
