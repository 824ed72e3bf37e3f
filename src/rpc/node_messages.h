#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/ids.h"
#include "model/node_state.h"

namespace yz::rpc {

// What nodes and control say to each other over one session, as plain values. The wire form is
// proto/yizhan/v1/node.proto; only this room includes its generated code.

/// Encoded model values (model/codec.h) on their way to many sessions: encoded once, shared, never changed.
using SharedBytes = std::shared_ptr<const std::string>;

enum class Role : std::uint8_t {
  kEdge,       ///< an agent with a cache beside it
  kScheduler,  ///< a DNS and 302 scheduler
  kRelay,      ///< passes on what control and the nodes of a region say to each other
};

// ---- enrolment -------------------------------------------------------------------------------------------------

struct EnrolRequest {
  std::string token_secret;  ///< JoinToken::secret; empty when an enrolled node renews its certificate
  model::NodeId renewing;    ///< from its certificate, when it renews; zero otherwise
  std::string request_pem;   ///< PKCS #10
  Role role = Role::kEdge;
  std::string name;
  std::string peer;
};

struct EnrolAnswer {
  model::NodeId node;
  std::string certificate_pem;
  std::string ca_pem;
};

// ---- node to control -------------------------------------------------------------------------------------------

/// The first message of a session: who it is and how far it has come, so that control sends exactly what is missing.
struct Hello {
  Role role = Role::kEdge;
  model::NodeId node;  ///< must be the one in the client certificate
  std::string name;
  model::ConfigSeq applied_config;  ///< 0: nothing
  std::string config_hash;          ///< ConfigSnapshot::content_hash() of what is applied; empty: nothing
  model::PurgeSeq applied_purge;    ///< every record up to this one is applied
  std::string version;              ///< of the program
};

/// The node's answer to a configuration: in force, or refused and the one before stays.
struct ConfigAck {
  model::ConfigSeq seq;
  bool ok = true;
  std::string reason;  ///< why it was refused
};

/// Every purge record up to `applied` is in force on this node.
struct PurgeAck {
  model::PurgeSeq applied;
};

/// An encoded model::UsageBatch. Sent again after a reconnect until control answers with UsageAck.
struct UsageShipment {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  SharedBytes batch;
};

/// An encoded model::LogBatch: lines of access logs. Sent again until control answers with LogAck; goes behind
/// everything else that waits.
struct LogShipment {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  SharedBytes batch;
};

/// How one URL of a prefetch task ended.
struct PrefetchedUrl {
  std::string url;
  bool ok = false;
  std::uint32_t status = 0;  ///< HTTP status; 0: no answer
  std::uint64_t bytes = 0;
  std::string reason;
  bool was_read = false;  ///< if it is a manifest, its links have been told
};

/// Results of a prefetch task so far unreported, one for each URL it was given, in as many messages as it takes. What a
/// manifest leads to comes before the manifest's own result.
struct PrefetchResult {
  model::TaskId task;
  std::vector<PrefetchedUrl> urls;
  std::string manifest;            ///< where the links were found
  std::vector<std::string> links;  ///< absolute URLs
};

/// A scheduler's opinions of nodes that changed since its last report.
struct HealthReport {
  std::vector<model::HealthVerdict> verdicts;
};

/// Viewers that came to the wrong node and were redirected: what DNS can learn from.
struct Correction {
  model::DomainId domain;
  std::string resolver_class;  ///< "CN-BJ/unicom"; empty when unknown
  std::string client_class;
  model::NodeId from;
  model::NodeId to;
  std::uint64_t count = 0;
};
struct CorrectionReport {
  std::vector<Correction> corrections;
};

// ---- through a relay: what its nodes say, each in a session of its own below the relay's. Numbers of sessions are the
// relay's and never used twice while its own session lasts.

struct NodeMessageBox;
struct ControlMessageBox;

/// A node has said Hello to the relay.
struct RelayedOpening {
  Hello hello;
  std::string peer;  ///< the node's address
};

/// A session is over (node to control), or to be ended (control to node).
struct RelayedEnd {
  std::string reason;
};

/// What a slow session lost from its queue and needs again.
struct Behind {
  bool config = false;                        ///< send a snapshot of the newest configuration
  std::optional<model::PurgeSeq> purge_from;  ///< send the purge records from this one on (or PurgeResync)
};

/// The same of each of `sessions`.
struct RelayedUp {
  std::vector<std::uint64_t> sessions;
  std::variant<RelayedOpening, RelayedEnd, Behind, std::shared_ptr<const NodeMessageBox>> what;
};

using NodeMessage = std::variant<ConfigAck, PurgeAck, model::Heartbeat, UsageShipment, PrefetchResult, HealthReport,
                                 CorrectionReport, LogShipment, RelayedUp>;

struct NodeMessageBox {
  NodeMessage message;  ///< never a RelayedUp
};

// ---- control to node -------------------------------------------------------------------------------------------

/// Control's answer to Hello; always the session's first message.
struct Welcome {
  model::NodeId node;
  model::ConfigSeq current_config;
  model::PurgeSeq current_purge;  ///< a node that has applied less is not ready yet
};

/// A whole configuration (model::encode of a ConfigSnapshot).
struct ConfigSnapshotUpdate {
  model::ConfigSeq seq;
  SharedBytes snapshot;
};

/// A change from exactly `from` to `to` (model::encode of a ConfigDelta).
struct ConfigDeltaUpdate {
  model::ConfigSeq from;
  model::ConfigSeq to;
  SharedBytes delta;
};

/// Contiguous records `first`..`last` (model::encode of the vector).
struct PurgeRecords {
  model::PurgeSeq first;
  model::PurgeSeq last;
  SharedBytes records;
};

/// Control no longer has the records the node lacks: everything cached until now is to be revalidated, and the node
/// then counts as having applied everything up to `seq`.
struct PurgeResync {
  model::PurgeSeq seq;
};

/// URLs of a task to fetch now; a task comes in as many messages as its pace takes. A URL that is under way is not
/// fetched twice at once, however often it comes.
struct PrefetchTask {
  model::TaskId task;
  std::vector<std::string> urls;
  bool reads_manifests = false;  ///< tell what the manifests among them lead to
};

/// The batch is stored for good; the node may forget it.
struct UsageAck {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
};

/// The lines are stored for good, and the node may forget them; or they cannot be taken now.
struct LogAck {
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  bool is_stored = true;  ///< false: send them again, a while later
};

/// To schedulers: nodes whose state changed, or all of them.
struct NodeStates {
  bool complete = false;  ///< nodes not listed do not exist
  std::vector<model::NodeState> states;
};

/// Start or end draining.
struct SetDrain {
  bool draining = false;
};

/// To each of a relay's `sessions` the same.
struct RelayedDown {
  std::vector<std::uint64_t> sessions;
  std::variant<RelayedEnd, std::shared_ptr<const ControlMessageBox>> what;
};

using ControlMessage = std::variant<Welcome, ConfigSnapshotUpdate, ConfigDeltaUpdate, PurgeRecords, PurgeResync,
                                    PrefetchTask, UsageAck, NodeStates, SetDrain, LogAck, RelayedDown>;

struct ControlMessageBox {
  ControlMessage message;  ///< never a RelayedDown
};

/// What is in the box, or null.
template <typename Box, typename Relayed>
[[nodiscard]] const Box* boxed(const Relayed& relayed) {
  const auto* box = std::get_if<std::shared_ptr<const Box>>(&relayed.what);
  return box == nullptr ? nullptr : box->get();
}

}  // namespace yz::rpc
