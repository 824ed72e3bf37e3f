#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "base/result.h"

namespace yz::agent {

/// The local cache the agent runs.
struct EdgeSettings {
  std::filesystem::path binary;  ///< empty: yz-edge beside the agent's own program
  /// Settings of yz-edge that are the operator's: a JSON object put into the edge's file as it is. Those the agent
  /// decides (see edge_command.h) win.
  std::string settings_json = "{}";
};

/// What a node's agent is told by its operator.
struct Settings {
  std::vector<std::string> controls;  ///< host:port each
  std::string join_token;             ///< needed once, until the node has an identity
  std::string name;                   ///< for people; empty: the host name
  std::filesystem::path state;        ///< the folder that holds everything the agent keeps
  EdgeSettings edge;
  log::Options log;

  std::chrono::milliseconds heartbeat{200};  ///< how often the edge is asked how it is; control hears every second
  /// Without control for this long, a node that never caught up serves what it has: all of it revalidated first.
  std::chrono::milliseconds autonomy_after{3'000};
  std::chrono::milliseconds access_log_every{60'000};  ///< how often customers' access logs go to control
  ByteCount access_log_outbox = gib(1);                ///< of them on this disk beside the edge's `log_budget`, at most
  std::chrono::milliseconds stop_grace{10'000};        ///< for the edge to finish its responses
};

/// Reads a settings file (YAML) over `base`. Fails with kInvalid: one "file:line: /pointer: what was expected" per
/// problem, one a line.
[[nodiscard]] Result<Settings> read_settings(std::string_view yaml, std::string_view file_name, Settings base = {});

/// Fails with kInvalid when something needed is missing, and says what to give.
[[nodiscard]] Status check(const Settings& settings);

}  // namespace yz::agent
