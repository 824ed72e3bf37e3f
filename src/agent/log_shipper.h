#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "agent/control_link.h"
#include "agent/log_collector.h"
#include "io/blocking_pool.h"

namespace yz::agent {

/// Collects the edge's access logs at intervals and sends the batches to control, one at a time, each until control has
/// stored it. The files are the memory: what is sent twice control recognises by (node, epoch, number). One reactor's
/// thread.
class LogShipper {
 public:
  struct Batch {
    LogCollector::Waiting file;
    rpc::SharedBytes bytes;  ///< null: there is none
  };
  /// `every`: how often what is new becomes a batch.
  LogShipper(LogCollector::Options options, std::chrono::milliseconds every, io::BlockingPool& pool,
             ControlSink& control)
      : options_(std::move(options)), every_(every), pool_(pool), control_(control) {}

  /// For ever; the agent's scope ends it.
  [[nodiscard]] io::Task<void> run();
  void on_ack(const rpc::LogAck& ack);
  void on_connected() { is_connected_ = true; }
  /// What was sent in the session that ended is to be sent again.
  void on_disconnected() { is_connected_ = false, under_way_.reset(); }

 private:
  [[nodiscard]] io::Task<void> collect();
  [[nodiscard]] io::Task<void> send_oldest();

  const LogCollector::Options options_;
  const std::chrono::milliseconds every_;
  io::BlockingPool& pool_;
  ControlSink& control_;
  std::shared_ptr<LogCollector> collector_;  // shared with what the pool still does; null until it is opened
  std::optional<LogCollector::Waiting> under_way_;
  std::optional<LogCollector::Waiting> stored_;  // by control; its file is to go
  MonoTime not_before_{};                        // nothing is sent
  bool is_connected_ = false;
  bool said_why_ = false;
};

}  // namespace yz::agent
