#include "model/config_snapshot.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "model/snapshot_body.h"

namespace yz::model {
namespace {

/// Calls `f(kind, map)` for each map of a snapshot, in the order of ResourceKind.
template <typename Snapshot, typename F>
void for_each_map(Snapshot& s, F&& f) {
  f(ResourceKind::kOriginGroup, s.origin_groups);
  f(ResourceKind::kDomain, s.domains);
  f(ResourceKind::kNodeGroup, s.node_groups);
  f(ResourceKind::kNode, s.nodes);
  f(ResourceKind::kPolicy, s.policies);
  f(ResourceKind::kCertificate, s.certificates);
  f(ResourceKind::kChallenge, s.challenges);
  f(ResourceKind::kSuspension, s.suspensions);
}

template <typename Map>
using IdOf = std::remove_cvref_t<decltype(std::declval<Map>().begin()->first)>;

/// Adds what changed in one map to a delta.
template <typename Map>
void diff_map(ResourceKind kind, const Map& from, const Map& to, ConfigDelta& delta) {
  for (const auto& [id, entry] : to) {
    const auto* old = from.find(id);
    const bool same =
        old != nullptr && from.seq_of(id) == entry.seq && (old == entry.value.get() || *old == *entry.value);
    if (!same) delta.upserts.push_back({entry.seq, *entry.value});
  }
  for (const auto& [id, entry] : from) {
    if (!to.contains(id)) delta.removals.push_back({kind, id.value});
  }
}

struct Put {
  ConfigSnapshot& snapshot;
  ConfigSeq at;

  void operator()(Settings v) const {
    snapshot.settings = std::move(v);
    snapshot.settings_seq = at;
  }
  void operator()(OriginGroup v) const { snapshot.origin_groups.put(std::move(v), at); }
  void operator()(Domain v) const { snapshot.domains.put(std::move(v), at); }
  void operator()(NodeGroup v) const { snapshot.node_groups.put(std::move(v), at); }
  void operator()(Node v) const { snapshot.nodes.put(std::move(v), at); }
  void operator()(Policy v) const { snapshot.policies.put(std::move(v), at); }
  void operator()(Certificate v) const { snapshot.certificates.put(std::move(v), at); }
  void operator()(Challenge v) const { snapshot.challenges.put(std::move(v), at); }
  void operator()(Suspension v) const { snapshot.suspensions.put(std::move(v), at); }
};

}  // namespace

ResourceKey key_of(const Resource& resource) {
  const auto kind = static_cast<ResourceKind>(resource.index());
  return std::visit(
      [&](const auto& value) -> ResourceKey {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Settings>) {
          return {kind, 0};
        } else {
          return {kind, value.id.value};
        }
      },
      resource);
}

std::string to_string(const ResourceKey& key) {
  static constexpr const char* kNames[] = {"settings", "origin_group", "domain",    "node_group", "node",
                                           "policy",   "certificate",  "challenge", "suspension"};
  const char* name = kNames[static_cast<std::size_t>(key.kind)];
  return key.kind == ResourceKind::kSettings ? std::string(name) : fmt::format("{}/{}", name, key.id);
}

std::string ConfigSnapshot::content_hash() const { return sha256(snapshot_body(*this)); }

const Domain* ConfigSnapshot::find_domain(std::string_view host) const {
  for (const auto& [id, entry] : domains) {
    const Domain& d = *entry.value;
    if (d.name == host || std::find(d.aliases.begin(), d.aliases.end(), host) != d.aliases.end()) return &d;
  }
  return nullptr;
}

void ConfigSnapshot::put(Resource resource, ConfigSeq at) {
  std::visit([&](auto&& value) { Put{*this, at}(std::forward<decltype(value)>(value)); }, std::move(resource));
  seq = std::max(seq, at);
}

bool ConfigSnapshot::remove(const ResourceKey& key, ConfigSeq at) {
  bool removed = false;
  if (key.kind == ResourceKind::kSettings) {
    removed = static_cast<bool>(settings_seq);
    settings = {};
    settings_seq = {};
  }
  for_each_map(*this, [&](ResourceKind kind, auto& map) {
    if (kind == key.kind) removed = map.erase(IdOf<std::remove_cvref_t<decltype(map)>>{key.id});
  });
  seq = std::max(seq, at);
  return removed;
}

bool ConfigSnapshot::contains(const ResourceKey& key) const {
  if (key.kind == ResourceKind::kSettings) return static_cast<bool>(settings_seq);
  bool found = false;
  for_each_map(*this, [&](ResourceKind kind, const auto& map) {
    if (kind == key.kind) found = map.contains(IdOf<std::remove_cvref_t<decltype(map)>>{key.id});
  });
  return found;
}

ConfigSeq effective_seq(const ConfigSnapshot& snapshot, DomainId domain) {
  const Domain* d = snapshot.domains.find(domain);
  if (d == nullptr) return {};
  return std::max({snapshot.domains.seq_of(domain), snapshot.origin_groups.seq_of(d->origin_group),
                   snapshot.certificates.seq_of(d->certificate)});
}

ConfigDelta diff(const ConfigSnapshot& from, const ConfigSnapshot& to) {
  ConfigDelta delta;
  delta.from = from.seq;
  delta.to = to.seq;
  if (to.settings_seq) {
    if (to.settings_seq != from.settings_seq || to.settings != from.settings) {
      delta.upserts.push_back({to.settings_seq, to.settings});
    }
  } else if (from.settings_seq) {
    delta.removals.push_back({ResourceKind::kSettings, 0});
  }
  const auto step = [&](ResourceKind kind, const auto& before, const auto& after) {
    diff_map(kind, before, after, delta);
  };
  step(ResourceKind::kOriginGroup, from.origin_groups, to.origin_groups);
  step(ResourceKind::kDomain, from.domains, to.domains);
  step(ResourceKind::kNodeGroup, from.node_groups, to.node_groups);
  step(ResourceKind::kNode, from.nodes, to.nodes);
  step(ResourceKind::kPolicy, from.policies, to.policies);
  step(ResourceKind::kCertificate, from.certificates, to.certificates);
  step(ResourceKind::kChallenge, from.challenges, to.challenges);
  step(ResourceKind::kSuspension, from.suspensions, to.suspensions);
  delta.result_hash = to.content_hash();
  return delta;
}

Result<ConfigSnapshot> apply(const ConfigSnapshot& base, const ConfigDelta& delta) {
  if (base.seq != delta.from) {
    return fail(Code::kConflict, fmt::format("the delta starts at configuration {}, but {} is in force",
                                             delta.from.value, base.seq.value));
  }
  ConfigSnapshot next = base;
  for (const auto& [seq, resource] : delta.upserts) next.put(resource, seq);
  for (const ResourceKey& key : delta.removals) next.remove(key, delta.to);
  next.seq = delta.to;
  if (next.content_hash() != delta.result_hash) {
    return fail(Code::kCorrupt,
                fmt::format("configuration {} has another hash than its sender promised", delta.to.value));
  }
  return next;
}

}  // namespace yz::model
