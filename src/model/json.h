#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "model/config_snapshot.h"
#include "model/node_state.h"
#include "model/problem.h"
#include "model/purge.h"
#include "model/task.h"
#include "model/tenant.h"
#include "model/usage.h"

namespace yz::model {

// The JSON forms of API bodies, of yz-gslb's and yz-edge's files (through yaml.h) and of the command line. Field names
// are those of the structs; enums by name (enum_names.h); ids are numbers; seconds are numbers or "5m"; times RFC 3339.
// Secrets (Certificate::key_pem, Settings::cluster_key, OriginGroup::auth_secret) are read and never written.
// Defined for: Tenant, Origin, OriginGroup, CacheRule, KeyRule, HttpsRule, Domain, NodeGroup, Node, PolicyRule, Policy,
// Certificate, Challenge, Suspension, Settings, Task, TaskTarget, NodeProgress, PurgeRecord, UsageKey, UsageCounts,
// UsageRecord, UsageBatch, Load, Heartbeat, NodeState, HealthVerdict, ConfigSnapshot.

template <typename T>
[[nodiscard]] nlohmann::json to_json(const T& value);

/// A value or everything that is wrong with the document.
template <typename T>
using ReadResult = tl::expected<T, Problems>;

/// Reads the fields a document names onto `base`, so that a whole document starts from the defaults and a change (RFC
/// 7396 without nulls) from the present state; lists are replaced whole. Unknown fields and wrong types are problems.
/// It does not validate (see validate.h).
template <typename T>
[[nodiscard]] ReadResult<T> from_json(const nlohmann::json& document, T base = {});

/// JSON of whatever alternative it holds.
[[nodiscard]] nlohmann::json to_json_resource(const Resource& resource);

/// Problems of validate(snapshot), whose pointers name resources by id ("/domains/12/name"), with pointers that name
/// them by their place in the document the snapshot was read from ("/domains/0/name"), so that files can be pointed
/// into.
[[nodiscard]] Problems by_position(Problems problems, const nlohmann::json& document);

/// How deep lists and objects may lie in each other: copies and merges of a document go as deep on the stack.
inline constexpr std::size_t kDeepestJson = 64;
/// Parses text without exceptions. Fails with kInvalid and "line:column: what", also when it is deeper than that.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view text);

}  // namespace yz::model
