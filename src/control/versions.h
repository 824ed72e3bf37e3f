#pragma once

#include <nlohmann/json_fwd.hpp>

#include "control/call.h"
#include "model/config_snapshot.h"
#include "store/config_log.h"

namespace yz::control {

/// "domain", "origin_group", … as the API names kinds.
[[nodiscard]] std::string_view kind_name(model::ResourceKind kind);
[[nodiscard]] std::optional<model::ResourceKind> parse_kind(std::string_view name);

/// One entry of the history: {"seq", "time", "actor", "changes": [{"kind", "id", "name", "op"}]}.
[[nodiscard]] nlohmann::json version_json(const store::ConfigRecord& record);

/// What differs between two configurations: {"from", "to", "changes": [{kind, id, name, op, before, after, patch}]}.
/// `patch` is RFC 6902. Secrets are left out by model::to_json.
[[nodiscard]] nlohmann::json diff_json(const model::ConfigSnapshot& from, const model::ConfigSnapshot& to);

/// Brings back the state after change `to`, of one resource when `only` is given, as new changes in `tx`; fills
/// `changed`. Every change is a numbered version of its own, the last is the result's. 404 when `to` lies ahead or (one
/// resource) nothing is known of it.
[[nodiscard]] tl::expected<std::vector<store::ConfigRecord>, Problem> roll_back(
    store::Transaction& tx, const store::Author& author, model::ConfigSeq to,
    const std::optional<model::ResourceKey>& only);

}  // namespace yz::control
