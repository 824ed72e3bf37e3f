#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "control/call.h"
#include "control/config_state.h"
#include "control/logs/log_folder.h"
#include "control/logs/log_house.h"
#include "io/blocking_pool.h"
#include "metrics/registry.h"
#include "model/log_batch.h"
#include "rpc/node_server.h"
#include "store/database.h"
#include "store/log_store.h"

namespace yz::control {

/// Customers' access logs: takes nodes' batches, each once, keeps them as files, finds what a domain's hour holds and
/// signs links to it. Any thread; everything but take() waits for database and disk.
class LogDesk final {
 public:
  struct Options {
    std::filesystem::path folder;  ///< of the batches; all instances on one database name the same
    LogHouse::Options house;
  };
  LogDesk(store::Database& database, const ConfigState& state, io::BlockingPool& pool, const Clock& clock,
          metrics::Registry& metrics, Options options);
  /// Makes the folder and the key that links are signed with. Once, before the rest.
  [[nodiscard]] Status open();

  /// Stores a batch on the pool and acknowledges what is committed, or says that it is to come again later: when too
  /// much waits here, or it cannot be stored. One that is stored already is acknowledged again.
  void take(const rpc::NodeSessionPtr& session, rpc::LogShipment shipment);

  /// Where the lines of a domain's hour lie: zstd frames (RFC 8878), to be sent one after the other. None when there
  /// are no lines. Fails with kUnavailable when they lie in a folder that this instance does not see, kIo when a file
  /// is gone that should be here.
  [[nodiscard]] Result<std::vector<FilePart>> find(model::DomainId domain, std::uint32_t hour);

  /// Path and query that download a domain's hour until `expires` without further credentials.
  [[nodiscard]] std::string link(model::DomainId domain, std::uint32_t hour, WallTime expires) const;
  /// Whether `signature` is that of link() and has not expired. In constant time as far as the signature goes.
  [[nodiscard]] bool is_valid(model::DomainId domain, std::uint32_t hour, std::uint64_t expires,
                              std::string_view signature) const;

  /// Removes what is past its time or beyond a quota.
  [[nodiscard]] Status keep_house() { return house_.tidy(); }

 private:
  /// Whether the batch may be forgotten by its node.
  [[nodiscard]] bool store(model::NodeId node, const rpc::LogShipment& shipment);
  [[nodiscard]] Result<bool> ingest(const model::LogBatchHead& head, std::string_view bytes);
  [[nodiscard]] std::string signature_of(model::DomainId domain, std::uint32_t hour, std::uint64_t expires) const;

  store::Database& database_;
  io::BlockingPool& pool_;
  const Clock& clock_;
  LogFolder folder_;
  LogHouse house_;
  std::string key_;  // set by open()
  std::atomic<std::uint64_t> waiting_bytes_{0};
  metrics::Counter batches_;
  metrics::Counter repeated_;
  metrics::Counter refused_;
  metrics::Counter deferred_;
  metrics::Counter lines_;
  metrics::Gauge has_folder_;
};

/// An hour as the API writes it: "2026-11-21T03:00:00.000Z".
[[nodiscard]] std::string show_hour(std::uint32_t hour);

}  // namespace yz::control
