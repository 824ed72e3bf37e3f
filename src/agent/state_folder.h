#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "model/config_snapshot.h"
#include "model/ids.h"

namespace yz::agent {

/// Everything an agent keeps, in one folder (0700):
///     identity.pem                      key, certificate, CA (0600)
///     config.snapshot                   the last configuration the edge accepted (0600: it holds domains' keys)
///     purge.position                    how far purges were known to be applied
///     edge.json, edge.sock, edge.log    of the edge process
///     edge/                             the edge's own state, the spools of usage and access logs in it
///     logs/                             access logs that control does not have yet
///     lock                              held while an agent runs here
/// Saving blocks on the disk; any thread, one at a time per file.
class StateFolder {
 public:
  /// Creates what is missing. Fails with kIo, kPermission, and kUnavailable when another agent uses the folder.
  [[nodiscard]] static Result<StateFolder> open(std::filesystem::path folder);

  /// None when there is none or when it is damaged, which is logged: control has it, too.
  [[nodiscard]] std::optional<model::ConfigSnapshot> load_config() const;
  [[nodiscard]] Status save_config(std::string_view encoded) const;

  /// Zero when nothing (readable) was saved.
  [[nodiscard]] model::PurgeSeq load_purge_position() const;
  [[nodiscard]] Status save_purge_position(model::PurgeSeq position) const;

  [[nodiscard]] std::filesystem::path identity() const { return folder_ / "identity.pem"; }
  [[nodiscard]] std::filesystem::path edge_settings() const { return folder_ / "edge.json"; }
  [[nodiscard]] std::filesystem::path edge_socket() const { return folder_ / "edge.sock"; }
  [[nodiscard]] std::filesystem::path edge_log() const { return folder_ / "edge.log"; }
  [[nodiscard]] std::filesystem::path edge_state() const { return folder_ / "edge"; }
  [[nodiscard]] std::filesystem::path access_spool() const { return edge_state() / "access"; }
  [[nodiscard]] std::filesystem::path log_outbox() const { return folder_ / "logs"; }
  [[nodiscard]] std::filesystem::path usage_spool() const { return edge_state() / "usage"; }

 private:
  StateFolder(std::filesystem::path folder, UniqueFd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
  std::filesystem::path folder_;
  UniqueFd lock_;  // held as long as the agent lives
};

}  // namespace yz::agent
