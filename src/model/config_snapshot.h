#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/certificate.h"
#include "model/challenge.h"
#include "model/domain.h"
#include "model/ids.h"
#include "model/node.h"
#include "model/origin.h"
#include "model/policy.h"
#include "model/resource_map.h"
#include "model/settings.h"
#include "model/suspension.h"

namespace yz::model {

/// One configuration resource; the alternative's index is its ResourceKind.
using Resource =
    std::variant<Settings, OriginGroup, Domain, NodeGroup, Node, Policy, Certificate, Challenge, Suspension>;

/// Numbers are part of the formats in docs/formats/config-snapshot.md.
enum class ResourceKind : std::uint8_t {
  kSettings,
  kOriginGroup,
  kDomain,
  kNodeGroup,
  kNode,
  kPolicy,
  kCertificate,
  kChallenge,
  kSuspension,
};

struct ResourceKey {
  ResourceKind kind = ResourceKind::kSettings;
  std::uint64_t id = 0;  ///< 0 for the settings, which are one

  friend auto operator<=>(const ResourceKey&, const ResourceKey&) = default;
};
[[nodiscard]] ResourceKey key_of(const Resource& resource);
/// "domain/12"
[[nodiscard]] std::string to_string(const ResourceKey& key);

/// Everything edges and schedulers need to know, as of change `seq`. Immutable once shared; a request keeps the one it
/// began with.
struct ConfigSnapshot {
  ConfigSeq seq;
  ConfigSeq settings_seq;  ///< zero: no settings yet
  Settings settings;
  ResourceMap<OriginGroupId, OriginGroup> origin_groups;
  ResourceMap<DomainId, Domain> domains;
  ResourceMap<NodeGroupId, NodeGroup> node_groups;
  ResourceMap<NodeId, Node> nodes;
  ResourceMap<PolicyId, Policy> policies;
  ResourceMap<CertificateId, Certificate> certificates;
  ResourceMap<ChallengeId, Challenge> challenges;
  ResourceMap<SuspensionId, Suspension> suspensions;

  /// SHA-256 (32 raw bytes) over the canonical encoding: equal exactly when the snapshots are. O(size).
  [[nodiscard]] std::string content_hash() const;
  /// The domain with this name or alias (lower case, no final dot), or null. O(domains): build an index for hot paths.
  [[nodiscard]] const Domain* find_domain(std::string_view host) const;

  /// Adds or replaces one resource as of change `at`; raises `seq` to it.
  void put(Resource resource, ConfigSeq at);
  /// Removes one resource as of change `at`; raises `seq` to it. False when there was none.
  bool remove(const ResourceKey& key, ConfigSeq at);
  [[nodiscard]] bool contains(const ResourceKey& key) const;

  friend bool operator==(const ConfigSnapshot&, const ConfigSnapshot&) = default;
};

/// Shared: the running configuration is swapped while requests still use the one before.
using SnapshotPtr = std::shared_ptr<const ConfigSnapshot>;

/// The newest change that matters for how a node serves `domain`: of the domain itself, its origin group and its
/// certificate. A node that acknowledged this number can serve it (the routing barrier). Zero: no such domain.
[[nodiscard]] ConfigSeq effective_seq(const ConfigSnapshot& snapshot, DomainId domain);

/// Of a change to a resource the last state only; several changes may be folded into one delta.
struct ConfigDelta {
  struct Upsert {
    ConfigSeq seq;  ///< of the last change of this resource
    Resource resource;

    friend bool operator==(const Upsert&, const Upsert&) = default;
  };
  ConfigSeq from;
  ConfigSeq to;
  std::vector<Upsert> upserts;        ///< ordered by key
  std::vector<ResourceKey> removals;  ///< ordered
  std::string result_hash;            ///< content_hash() of the snapshot it leads to

  friend bool operator==(const ConfigDelta&, const ConfigDelta&) = default;
};

/// What leads from one snapshot to a later one.
[[nodiscard]] ConfigDelta diff(const ConfigSnapshot& from, const ConfigSnapshot& to);
/// The snapshot after `delta`. Fails with kConflict when it starts from another sequence, with kCorrupt when the
/// result's hash is not the promised one; `base` stays as it is.
[[nodiscard]] Result<ConfigSnapshot> apply(const ConfigSnapshot& base, const ConfigDelta& delta);

}  // namespace yz::model
