#include "control/versions.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <variant>

#include <nlohmann/json.hpp>

#include "model/json.h"
#include "store/certificate_store.h"
#include "store/challenge_store.h"
#include "store/domain_store.h"
#include "store/group_store.h"
#include "store/node_store.h"
#include "store/origin_store.h"
#include "store/policy_store.h"
#include "store/settings_store.h"

namespace yz::control {
namespace {

/// By ResourceKind.
constexpr std::string_view kKindNames[] = {"settings", "origin_group", "domain",    "node_group", "node",
                                           "policy",   "certificate",  "challenge", "suspension"};

std::string name_of(const model::Resource& resource) {
  return std::visit(
      [](const auto& value) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, model::Settings>) {
          return "settings";
        } else {
          return value.name;
        }
      },
      resource);
}

nlohmann::json identify(const model::ResourceKey& key, std::string_view name) {
  return {{"kind", kind_name(key.kind)}, {"id", key.id}, {"name", name}};
}

/// The resource as it is in a snapshot, or none.
std::optional<model::Resource> find(const model::ConfigSnapshot& config, const model::ResourceKey& key) {
  const auto from = [&key](const auto& map) -> std::optional<model::Resource> {
    using Id = std::decay_t<decltype(map.begin()->first)>;
    const auto* value = map.find(Id{key.id});
    if (value == nullptr) return std::nullopt;
    return *value;
  };
  switch (key.kind) {
    case model::ResourceKind::kSettings:
      if (!config.settings_seq) return std::nullopt;
      return config.settings;
    case model::ResourceKind::kOriginGroup:
      return from(config.origin_groups);
    case model::ResourceKind::kDomain:
      return from(config.domains);
    case model::ResourceKind::kNodeGroup:
      return from(config.node_groups);
    case model::ResourceKind::kNode:
      return from(config.nodes);
    case model::ResourceKind::kPolicy:
      return from(config.policies);
    case model::ResourceKind::kCertificate:
      return from(config.certificates);
    case model::ResourceKind::kChallenge:
      return from(config.challenges);
    case model::ResourceKind::kSuspension:
      return from(config.suspensions);
  }
  return std::nullopt;
}

template <typename Store>
Status put(store::Transaction& tx, const store::Author& author, auto value) {
  Store store(tx);
  auto updated = store.update(author, std::move(value));
  if (!updated) return fail(std::move(updated).error());
  return {};
}

/// Sets a resource that still exists to an older state.
Status put(store::Transaction& tx, const store::Author& author, const model::Resource& resource) {
  struct Putter {
    store::Transaction& tx;
    const store::Author& author;
    Status operator()(const model::Settings& v) const {
      auto done = store::SettingsStore(tx).put(author, v);
      if (!done) return fail(std::move(done).error());
      return {};
    }
    Status operator()(const model::OriginGroup& v) const { return control::put<store::OriginStore>(tx, author, v); }
    Status operator()(const model::Domain& v) const { return control::put<store::DomainStore>(tx, author, v); }
    Status operator()(const model::NodeGroup& v) const { return control::put<store::GroupStore>(tx, author, v); }
    Status operator()(const model::Node& v) const { return control::put<store::NodeStore>(tx, author, v); }
    Status operator()(const model::Policy& v) const { return control::put<store::PolicyStore>(tx, author, v); }
    Status operator()(const model::Certificate& v) const {
      return control::put<store::CertificateStore>(tx, author, v);
    }
    Status operator()(const model::Challenge& v) const { return control::put<store::ChallengeStore>(tx, author, v); }
    Status operator()(const model::Suspension& v) const {
      return control::put<store::ResourceStore<model::Suspension>>(tx, author, v);
    }
  };
  return std::visit(Putter{tx, author}, resource);
}

tl::expected<std::vector<store::ConfigRecord>, Problem> roll_back_one(store::Transaction& tx,
                                                                      const store::Author& author, model::ConfigSeq to,
                                                                      const model::ResourceKey& key) {
  store::ConfigLog log(tx);
  YZ_TRY(const auto state, log.state_of(key, to));
  if (!state || !state->resource) return refuse(not_found(model::to_string(key) + " in version " + to_string(to)));
  auto done = put(tx, author, *state->resource);
  if (!done && done.error().code == Code::kNotFound) {
    return refuse(conflict(model::to_string(key) + " was deleted since; roll back the whole to bring it back."));
  }
  if (!done) return refuse(Problem(done.error()));
  YZ_TRY(const model::ConfigSeq head, log.head());
  YZ_TRY(store::ConfigRecord record, log.at(head));
  return std::vector{std::move(record)};
}

}  // namespace

std::string_view kind_name(model::ResourceKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

std::optional<model::ResourceKind> parse_kind(std::string_view name) {
  const auto* it = std::ranges::find(kKindNames, name);
  if (it == std::end(kKindNames)) return std::nullopt;
  return static_cast<model::ResourceKind>(it - std::begin(kKindNames));
}

nlohmann::json version_json(const store::ConfigRecord& record) {
  nlohmann::json change = identify(record.key, record.name);
  change["op"] = record.resource ? "upsert" : "remove";
  return {{"seq", record.seq.value},
          {"time", format_rfc3339(record.at)},
          {"actor", record.actor},
          {"changes", nlohmann::json::array({std::move(change)})}};
}

nlohmann::json diff_json(const model::ConfigSnapshot& from, const model::ConfigSnapshot& to) {
  const model::ConfigDelta delta = model::diff(from, to);
  nlohmann::json changes = nlohmann::json::array();
  for (const model::ConfigDelta::Upsert& upsert : delta.upserts) {
    const model::ResourceKey key = model::key_of(upsert.resource);
    nlohmann::json change = identify(key, name_of(upsert.resource));
    const auto before = find(from, key);
    change["op"] = before ? "change" : "add";
    change["after"] = model::to_json_resource(upsert.resource);
    if (before) {
      change["before"] = model::to_json_resource(*before);
      change["patch"] = nlohmann::json::diff(change["before"], change["after"]);
    }
    changes.push_back(std::move(change));
  }
  for (const model::ResourceKey& key : delta.removals) {
    const auto before = find(from, key);
    nlohmann::json change = identify(key, before ? name_of(*before) : "");
    change["op"] = "remove";
    if (before) change["before"] = model::to_json_resource(*before);
    changes.push_back(std::move(change));
  }
  return {{"from", from.seq.value}, {"to", to.seq.value}, {"changes", std::move(changes)}};
}

tl::expected<std::vector<store::ConfigRecord>, Problem> roll_back(store::Transaction& tx, const store::Author& author,
                                                                  model::ConfigSeq to,
                                                                  const std::optional<model::ResourceKey>& only) {
  store::ConfigLog log(tx);
  YZ_TRY(const model::ConfigSeq head, log.head());
  if (to > head) return refuse(not_found("version " + to_string(to)));
  if (only) return roll_back_one(tx, author, to, *only);
  YZ_TRY(std::vector<store::ConfigRecord> records, log.roll_back(author, to));
  return records;
}

}  // namespace yz::control
