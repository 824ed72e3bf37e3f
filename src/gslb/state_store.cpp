#include "gslb/state_store.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "model/codec.h"
#include "model/json.h"

namespace yz::gslb {

using nlohmann::json;

static constexpr const char* kConfigFile = "config.yzc";
static constexpr const char* kStatesFile = "node-states.json";
static constexpr const char* kIdentityFile = "identity.json";

Status StateStore::prepare() const { return folder_.empty() ? Status{} : make_folder(folder_); }

Status StateStore::store(const char* name, std::string_view content, unsigned mode) const {
  return folder_.empty() ? Status{} : write_file_atomically(folder_ / name, content, mode);
}

Result<std::optional<std::string>> StateStore::load(const char* name) const {
  if (folder_.empty()) return std::nullopt;
  auto content = read_file(folder_ / name);
  if (content) return *std::move(content);
  if (content.error().code == Code::kNotFound) return std::nullopt;
  return fail(std::move(content).error());
}

Status StateStore::save(const model::ConfigSnapshot& config) const {
  return store(kConfigFile, model::encode(config), 0600);
}

Result<std::optional<model::ConfigSnapshot>> StateStore::load_config() const {
  YZ_TRY(const auto bytes, load(kConfigFile));
  if (!bytes) return std::nullopt;
  YZ_TRY(auto config, model::decode_snapshot(*bytes));
  return std::optional(std::move(config));
}

Status StateStore::save(const std::vector<model::NodeState>& states) const {
  json list = json::array();
  for (const auto& state : states) list.push_back(model::to_json(state));
  return store(kStatesFile, list.dump(), 0644);
}

Result<std::vector<model::NodeState>> StateStore::load_node_states() const {
  std::vector<model::NodeState> out;
  YZ_TRY(const auto text, load(kStatesFile));
  if (!text) return out;
  YZ_TRY(const auto list, model::parse_json(*text));
  for (const auto& item : list) {
    auto state = model::from_json<model::NodeState>(item);
    if (!state) return fail(model::to_error(state.error()).with_context(kStatesFile));
    out.push_back(*std::move(state));
  }
  return out;
}

Status StateStore::save(const rpc::NodeIdentity& identity) const {
  const json document = {{"node", identity.node.value},
                         {"key_pem", identity.pair.key_pem},
                         {"certificate_pem", identity.pair.certificate_pem},
                         {"ca_pem", identity.ca_pem}};
  return store(kIdentityFile, document.dump(), 0600);
}

Result<std::optional<rpc::NodeIdentity>> StateStore::load_identity() const {
  YZ_TRY(const auto text, load(kIdentityFile));
  if (!text) return std::nullopt;
  YZ_TRY(const auto document, model::parse_json(*text));
  const auto field = [&document](const char* name) {
    const auto it = document.find(name);
    return it != document.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  rpc::NodeIdentity identity;
  const auto node = document.is_object() ? document.find("node") : document.end();
  if (!document.is_object() || node == document.end() || !node->is_number_unsigned()) {
    return fail(Code::kCorrupt, fmt::format("{}: not an identity", (folder_ / kIdentityFile).string()));
  }
  identity.node = model::NodeId{node->get<std::uint64_t>()};
  identity.pair = {field("key_pem"), field("certificate_pem")};
  identity.ca_pem = field("ca_pem");
  YZ_CHECK(rpc::verify_pair(identity.pair, identity.ca_pem));
  return std::optional(std::move(identity));
}

}  // namespace yz::gslb
