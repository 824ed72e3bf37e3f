#include "agent/edge_command.h"

#include <system_error>

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace yz::agent {
namespace {

// The edge lies beside the agent unless the operator says otherwise.
std::filesystem::path default_binary() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "yz-edge";
}

}  // namespace

Result<std::vector<std::string>> prepare_edge(const EdgeSettings& settings, const StateFolder& state,
                                              model::NodeId node) {
  nlohmann::json file = nlohmann::json::parse(settings.settings_json, nullptr, false);
  if (!file.is_object()) return fail(Code::kInvalid, "edge settings: expected a mapping");
  file["node"] = node.value;
  file["admin"] = state.edge_socket().string();
  file["state"] = state.edge_state().string();
  file["log_spool"] = state.access_spool().string();
  YZ_CHECK(write_file_atomically(state.edge_settings(), file.dump(2) + "\n", 0600));  // JSON is YAML

  const auto binary = settings.binary.empty() ? default_binary() : settings.binary;
  std::error_code error;
  if (!std::filesystem::exists(binary, error)) {
    return fail(Code::kNotFound, "no edge program at " + binary.string() + ": give --edge-binary PATH");
  }
  return std::vector<std::string>{binary.string(), "--config", state.edge_settings().string()};
}

}  // namespace yz::agent
