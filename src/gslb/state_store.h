#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.h"
#include "model/config_snapshot.h"
#include "model/node_state.h"
#include "rpc/node_client.h"

namespace yz::gslb {

/// The last good state, in one folder: with it a scheduler starts and serves without control.
/// `config.yzc` (docs/formats/config-snapshot.md), `node-states.json`, `identity.json` (mode 0600). Each file is
/// replaced as one step. Blocks on disk; used on the control thread only, never by those that answer.
class StateStore {
 public:
  /// An empty folder name keeps nothing.
  explicit StateStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] Status prepare() const;
  [[nodiscard]] Status save(const model::ConfigSnapshot& config) const;
  [[nodiscard]] Status save(const std::vector<model::NodeState>& states) const;
  [[nodiscard]] Status save(const rpc::NodeIdentity& identity) const;

  /// None when there is none. Fails with kCorrupt when it is damaged; then it is as if there were none, and said so.
  [[nodiscard]] Result<std::optional<model::ConfigSnapshot>> load_config() const;
  [[nodiscard]] Result<std::vector<model::NodeState>> load_node_states() const;
  [[nodiscard]] Result<std::optional<rpc::NodeIdentity>> load_identity() const;

 private:
  [[nodiscard]] Result<std::optional<std::string>> load(const char* name) const;
  [[nodiscard]] Status store(const char* name, std::string_view content, unsigned mode) const;
  std::filesystem::path folder_;
};

}  // namespace yz::gslb
