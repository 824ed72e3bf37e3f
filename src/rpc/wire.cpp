#include "rpc/wire.h"

#include <chrono>
#include <utility>

#include "model/log_batch.h"

namespace yz::rpc::wire {
namespace {

constexpr std::size_t kMaxUsageBytes = 64ULL << 20;
constexpr std::size_t kMaxConfigBytes = 1ULL << 30;
constexpr std::size_t kMaxPurgeBytes = 64ULL << 20;
constexpr int kMaxRelayedSessions = 1 << 20;

std::int64_t to_ms(WallTime time) { return time.time_since_epoch().count(); }
WallTime from_ms(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

void set_piece(const SharedBytes& payload, Slice slice, pb::Piece& out) {
  if (!payload) return;
  out.set_size(payload->size());
  out.set_offset(slice.offset);
  out.set_data(payload->data() + slice.offset, slice.size);
}

void set_load(const model::Load& load, pb::Load& out) {
  out.set_requests_per_s(load.requests_per_s);
  out.set_bits_out_per_s(load.bits_out_per_s);
  out.set_connections(load.connections);
  out.set_cpu(load.cpu);
  out.set_cache_bytes(load.cache_bytes);
  out.set_hit_ratio(load.hit_ratio);
}

model::Load get_load(const pb::Load& in) {
  model::Load load;
  load.requests_per_s = in.requests_per_s();
  load.bits_out_per_s = in.bits_out_per_s();
  load.connections = in.connections();
  load.cpu = in.cpu();
  load.cache_bytes = in.cache_bytes();
  load.hit_ratio = in.hit_ratio();
  return load;
}

pb::Health health_to_wire(model::Health health) {
  switch (health) {
    case model::Health::kUp:
      return pb::HEALTH_UP;
    case model::Health::kSuspect:
      return pb::HEALTH_SUSPECT;
    case model::Health::kDown:
      return pb::HEALTH_DOWN;
    case model::Health::kUnknown:
      break;
  }
  return pb::HEALTH_UNKNOWN;
}

model::Health health_from_wire(pb::Health health) {
  switch (health) {
    case pb::HEALTH_UP:
      return model::Health::kUp;
    case pb::HEALTH_SUSPECT:
      return model::Health::kSuspect;
    case pb::HEALTH_DOWN:
      return model::Health::kDown;
    default:
      return model::Health::kUnknown;
  }
}

void set_hello(const Hello& hello, pb::Hello& to) {
  to.set_role(to_wire(hello.role));
  to.set_node_id(hello.node.value);
  to.set_name(hello.name);
  to.set_applied_config(hello.applied_config.value);
  to.set_config_hash(hello.config_hash);
  to.set_applied_purge(hello.applied_purge.value);
  to.set_version(hello.version);
}

Result<Hello> read_hello(pb::Hello&& from) {
  Hello hello;
  YZ_TRY(hello.role, from_wire(from.role()));
  hello.node = model::NodeId{from.node_id()};
  hello.name = std::move(*from.mutable_name());
  hello.applied_config = model::ConfigSeq{from.applied_config()};
  hello.config_hash = std::move(*from.mutable_config_hash());
  hello.applied_purge = model::PurgeSeq{from.applied_purge()};
  hello.version = std::move(*from.mutable_version());
  return hello;
}

/// The sessions that a relay means.
Result<std::vector<std::uint64_t>> read_sessions(const google::protobuf::RepeatedField<std::uint64_t>& in) {
  if (in.empty() || in.size() > kMaxRelayedSessions) {
    return fail(Code::kInvalid, "a relayed message for " + std::to_string(in.size()) + " sessions", Fault::kClient);
  }
  return std::vector<std::uint64_t>(in.begin(), in.end());
}

// ---- node to control

struct NodeWriter {
  Slice slice;
  pb::NodeMessage& out;

  void operator()(const ConfigAck& m) const {
    pb::ConfigAck& to = *out.mutable_config_ack();
    to.set_seq(m.seq.value);
    to.set_ok(m.ok);
    to.set_reason(m.reason);
  }
  void operator()(const PurgeAck& m) const { out.mutable_purge_ack()->set_applied(m.applied.value); }
  void operator()(const model::Heartbeat& m) const {
    pb::Heartbeat& to = *out.mutable_heartbeat();
    to.set_ready(m.ready);
    to.set_draining(m.draining);
    to.set_applied_config(m.applied_config.value);
    to.set_applied_purge(m.applied_purge.value);
    set_load(m.load, *to.mutable_load());
  }
  void operator()(const UsageShipment& m) const {
    pb::UsageShipment& to = *out.mutable_usage();
    to.set_epoch(m.epoch);
    to.set_number(m.number);
    set_piece(m.batch, slice, *to.mutable_batch());
  }
  void operator()(const LogShipment& m) const {
    pb::LogShipment& to = *out.mutable_logs();
    to.set_epoch(m.epoch);
    to.set_number(m.number);
    set_piece(m.batch, slice, *to.mutable_batch());
  }
  void operator()(const PrefetchResult& m) const {
    pb::PrefetchResult& to = *out.mutable_prefetch_result();
    to.set_task_id(m.task.value);
    to.set_manifest(m.manifest);
    for (const std::string& link : m.links) to.add_links(link);
    for (const PrefetchedUrl& url : m.urls) {
      pb::PrefetchedUrl& u = *to.add_urls();
      u.set_url(url.url);
      u.set_ok(url.ok);
      u.set_status(url.status);
      u.set_bytes(url.bytes);
      u.set_reason(url.reason);
      u.set_was_read(url.was_read);
    }
  }
  void operator()(const HealthReport& m) const {
    pb::HealthReport& to = *out.mutable_health_report();
    for (const model::HealthVerdict& verdict : m.verdicts) {
      pb::HealthVerdict& v = *to.add_verdicts();
      v.set_node_id(verdict.node.value);
      v.set_health(health_to_wire(verdict.health));
      v.set_reason(verdict.reason);
      v.set_since_ms(to_ms(verdict.since));
    }
  }
  void operator()(const RelayedUp& m) const {
    pb::RelayedUp& to = *out.mutable_relayed();
    to.mutable_sessions()->Add(m.sessions.begin(), m.sessions.end());
    if (const auto* opening = std::get_if<RelayedOpening>(&m.what)) {
      set_hello(opening->hello, *to.mutable_opening()->mutable_hello());
      to.mutable_opening()->set_peer(opening->peer);
    } else if (const auto* end = std::get_if<RelayedEnd>(&m.what)) {
      to.mutable_end()->set_message(end->reason);
    } else if (const auto* behind = std::get_if<Behind>(&m.what)) {
      to.mutable_behind()->set_config(behind->config);
      to.mutable_behind()->set_purge_from(behind->purge_from ? behind->purge_from->value : 0);
    } else if (const auto* box = boxed<NodeMessageBox>(m)) {
      std::visit(NodeWriter{slice, *to.mutable_message()}, box->message);
    }
  }
  void operator()(const CorrectionReport& m) const {
    pb::CorrectionReport& to = *out.mutable_correction_report();
    for (const Correction& correction : m.corrections) {
      pb::Correction& c = *to.add_corrections();
      c.set_domain_id(correction.domain.value);
      c.set_resolver_class(correction.resolver_class);
      c.set_client_class(correction.client_class);
      c.set_from_node(correction.from.value);
      c.set_to_node(correction.to.value);
      c.set_count(correction.count);
    }
  }
};

PrefetchResult read_prefetch(pb::PrefetchResult&& in) {
  PrefetchResult result;
  result.task = model::TaskId{in.task_id()};
  result.manifest = std::move(*in.mutable_manifest());
  for (std::string& link : *in.mutable_links()) result.links.push_back(std::move(link));
  for (pb::PrefetchedUrl& url : *in.mutable_urls()) {
    result.urls.push_back({std::move(*url.mutable_url()), url.ok(), url.status(), url.bytes(),
                           std::move(*url.mutable_reason()), url.was_read()});
  }
  return result;
}

HealthReport read_health(pb::HealthReport&& in) {
  HealthReport report;
  for (pb::HealthVerdict& verdict : *in.mutable_verdicts()) {
    report.verdicts.push_back({model::NodeId{verdict.node_id()}, health_from_wire(verdict.health()),
                               std::move(*verdict.mutable_reason()), from_ms(verdict.since_ms())});
  }
  return report;
}

CorrectionReport read_corrections(pb::CorrectionReport&& in) {
  CorrectionReport report;
  for (pb::Correction& c : *in.mutable_corrections()) {
    report.corrections.push_back({model::DomainId{c.domain_id()}, std::move(*c.mutable_resolver_class()),
                                  std::move(*c.mutable_client_class()), model::NodeId{c.from_node()},
                                  model::NodeId{c.to_node()}, c.count()});
  }
  return report;
}

// ---- control to node

struct ControlWriter {
  Slice slice;
  pb::ControlMessage& out;

  void operator()(const Welcome& m) const {
    pb::Welcome& to = *out.mutable_welcome();
    to.set_node_id(m.node.value);
    to.set_current_config(m.current_config.value);
    to.set_current_purge(m.current_purge.value);
  }
  void operator()(const ConfigSnapshotUpdate& m) const {
    pb::ConfigUpdate& to = *out.mutable_config();
    to.set_to(m.seq.value);
    to.set_is_snapshot(true);
    set_piece(m.snapshot, slice, *to.mutable_payload());
  }
  void operator()(const ConfigDeltaUpdate& m) const {
    pb::ConfigUpdate& to = *out.mutable_config();
    to.set_from(m.from.value);
    to.set_to(m.to.value);
    set_piece(m.delta, slice, *to.mutable_payload());
  }
  void operator()(const PurgeRecords& m) const {
    pb::PurgeRecords& to = *out.mutable_purge_records();
    to.set_first(m.first.value);
    to.set_last(m.last.value);
    set_piece(m.records, slice, *to.mutable_records());
  }
  void operator()(const PurgeResync& m) const { out.mutable_purge_resync()->set_seq(m.seq.value); }
  void operator()(const PrefetchTask& m) const {
    pb::PrefetchTask& to = *out.mutable_prefetch_task();
    to.set_task_id(m.task.value);
    to.set_read_manifests(m.reads_manifests);
    for (const std::string& url : m.urls) to.add_urls(url);
  }
  void operator()(const UsageAck& m) const {
    pb::UsageAck& to = *out.mutable_usage_ack();
    to.set_epoch(m.epoch);
    to.set_number(m.number);
  }
  void operator()(const LogAck& m) const {
    pb::LogAck& to = *out.mutable_log_ack();
    to.set_epoch(m.epoch);
    to.set_number(m.number);
    to.set_not_stored(!m.is_stored);
  }
  void operator()(const NodeStates& m) const {
    pb::NodeStates& to = *out.mutable_node_states();
    to.set_complete(m.complete);
    for (const model::NodeState& state : m.states) {
      pb::NodeState& s = *to.add_states();
      s.set_node_id(state.node.value);
      s.set_connected(state.connected);
      s.set_ready(state.ready);
      s.set_draining(state.draining);
      s.set_acked_config(state.acked_config.value);
      s.set_applied_purge(state.applied_purge.value);
      set_load(state.load, *s.mutable_load());
      s.set_last_heartbeat_ms(to_ms(state.last_heartbeat));
    }
  }
  void operator()(const RelayedDown& m) const {
    pb::RelayedDown& to = *out.mutable_relayed();
    to.mutable_sessions()->Add(m.sessions.begin(), m.sessions.end());
    if (const auto* end = std::get_if<RelayedEnd>(&m.what)) {
      to.mutable_end()->set_message(end->reason);
    } else if (const auto* box = boxed<ControlMessageBox>(m)) {
      std::visit(ControlWriter{slice, *to.mutable_message()}, box->message);
    }
  }
  void operator()(const SetDrain& m) const { out.mutable_set_drain()->set_draining(m.draining); }
};

NodeStates read_states(const pb::NodeStates& in) {
  NodeStates states;
  states.complete = in.complete();
  for (const pb::NodeState& s : in.states()) {
    model::NodeState state;
    state.node = model::NodeId{s.node_id()};
    state.connected = s.connected();
    state.ready = s.ready();
    state.draining = s.draining();
    state.acked_config = model::ConfigSeq{s.acked_config()};
    state.applied_purge = model::PurgeSeq{s.applied_purge()};
    state.load = get_load(s.load());
    state.last_heartbeat = from_ms(s.last_heartbeat_ms());
    states.states.push_back(state);
  }
  return states;
}

PrefetchTask read_task(pb::PrefetchTask&& in) {
  PrefetchTask task;
  task.task = model::TaskId{in.task_id()};
  task.reads_manifests = in.read_manifests();
  for (std::string& url : *in.mutable_urls()) task.urls.push_back(std::move(url));
  return task;
}

}  // namespace

pb::Role to_wire(Role role) {
  switch (role) {
    case Role::kEdge:
      return pb::ROLE_EDGE;
    case Role::kScheduler:
      return pb::ROLE_SCHEDULER;
    case Role::kRelay:
      return pb::ROLE_RELAY;
  }
  return pb::ROLE_UNSPECIFIED;
}

Result<Role> from_wire(pb::Role role) {
  if (role == pb::ROLE_EDGE) return Role::kEdge;
  if (role == pb::ROLE_SCHEDULER) return Role::kScheduler;
  if (role == pb::ROLE_RELAY) return Role::kRelay;
  return fail(Code::kInvalid, "unknown role " + std::to_string(static_cast<int>(role)), Fault::kClient);
}

void to_wire(const Hello& hello, pb::NodeMessage& out) {
  out.Clear();
  set_hello(hello, *out.mutable_hello());
}

Result<Hello> hello_from_wire(pb::NodeMessage&& in) {
  if (!in.has_hello()) return fail(Code::kInvalid, "the first message is not Hello", Fault::kClient);
  return read_hello(std::move(*in.mutable_hello()));
}

void to_wire(const NodeMessage& message, Slice slice, pb::NodeMessage& out) {
  out.Clear();
  std::visit(NodeWriter{slice, out}, message);
}

void to_wire(const ControlMessage& message, Slice slice, pb::ControlMessage& out) {
  out.Clear();
  std::visit(ControlWriter{slice, out}, message);
}

NodeMessageReader::NodeMessageReader() : usage_(kMaxUsageBytes), logs_(model::kMaxLogBatch) {}
NodeMessageReader::~NodeMessageReader() = default;

Result<std::optional<NodeMessage>> NodeMessageReader::read_relayed(pb::RelayedUp&& in) {
  RelayedUp out;
  YZ_TRY(out.sessions, read_sessions(in.sessions()));
  switch (in.what_case()) {
    case pb::RelayedUp::kOpening: {
      RelayedOpening opening;
      YZ_TRY(opening.hello, read_hello(std::move(*in.mutable_opening()->mutable_hello())));
      opening.peer = std::move(*in.mutable_opening()->mutable_peer());
      out.what = std::move(opening);
      return out;
    }
    case pb::RelayedUp::kEnd:
      out.what = RelayedEnd{std::move(*in.mutable_end()->mutable_message())};
      return out;
    case pb::RelayedUp::kBehind: {
      Behind behind{.config = in.behind().config(), .purge_from = {}};
      if (in.behind().purge_from() > 0) behind.purge_from = model::PurgeSeq{in.behind().purge_from()};
      out.what = behind;
      return out;
    }
    case pb::RelayedUp::kMessage: {
      if (in.message().has_relayed()) return fail(Code::kInvalid, "a relay behind a relay", Fault::kClient);
      if (!below_) below_ = std::make_unique<NodeMessageReader>();
      YZ_TRY(auto message, below_->read(std::move(*in.mutable_message())));
      if (!message) return std::nullopt;
      out.what = std::make_shared<const NodeMessageBox>(NodeMessageBox{*std::move(message)});
      return out;
    }
    case pb::RelayedUp::WHAT_NOT_SET:
      break;
  }
  return std::nullopt;
}

Result<std::optional<NodeMessage>> NodeMessageReader::read(pb::NodeMessage&& in) {
  switch (in.body_case()) {
    case pb::NodeMessage::kConfigAck: {
      pb::ConfigAck& m = *in.mutable_config_ack();
      return ConfigAck{model::ConfigSeq{m.seq()}, m.ok(), std::move(*m.mutable_reason())};
    }
    case pb::NodeMessage::kPurgeAck:
      return PurgeAck{model::PurgeSeq{in.purge_ack().applied()}};
    case pb::NodeMessage::kHeartbeat: {
      const pb::Heartbeat& m = in.heartbeat();
      return model::Heartbeat{m.ready(), m.draining(), model::ConfigSeq{m.applied_config()},
                              model::PurgeSeq{m.applied_purge()}, get_load(m.load())};
    }
    case pb::NodeMessage::kUsage: {
      pb::UsageShipment& m = *in.mutable_usage();
      pb::Piece& piece = *m.mutable_batch();
      YZ_TRY(SharedBytes batch, usage_.add(piece.size(), piece.offset(), std::move(*piece.mutable_data())));
      if (!batch) return std::nullopt;
      return UsageShipment{m.epoch(), m.number(), std::move(batch)};
    }
    case pb::NodeMessage::kLogs: {
      pb::LogShipment& m = *in.mutable_logs();
      pb::Piece& piece = *m.mutable_batch();
      YZ_TRY(SharedBytes batch, logs_.add(piece.size(), piece.offset(), std::move(*piece.mutable_data())));
      if (!batch) return std::nullopt;
      return LogShipment{m.epoch(), m.number(), std::move(batch)};
    }
    case pb::NodeMessage::kPrefetchResult:
      return read_prefetch(std::move(*in.mutable_prefetch_result()));
    case pb::NodeMessage::kHealthReport:
      return read_health(std::move(*in.mutable_health_report()));
    case pb::NodeMessage::kCorrectionReport:
      return read_corrections(std::move(*in.mutable_correction_report()));
    case pb::NodeMessage::kRelayed:
      return read_relayed(std::move(*in.mutable_relayed()));
    case pb::NodeMessage::kHello:
      return fail(Code::kInvalid, "a second Hello", Fault::kClient);
    case pb::NodeMessage::BODY_NOT_SET:
      break;
  }
  return std::nullopt;
}

ControlMessageReader::ControlMessageReader() : config_(kMaxConfigBytes), purges_(kMaxPurgeBytes) {}
ControlMessageReader::~ControlMessageReader() = default;

Result<std::optional<ControlMessage>> ControlMessageReader::read_relayed(pb::RelayedDown&& in) {
  RelayedDown out;
  YZ_TRY(out.sessions, read_sessions(in.sessions()));
  if (in.has_end()) {
    out.what = RelayedEnd{std::move(*in.mutable_end()->mutable_message())};
    return out;
  }
  if (!in.has_message()) return std::nullopt;
  if (in.message().has_relayed()) return fail(Code::kInvalid, "a relay behind a relay");
  if (!below_) below_ = std::make_unique<ControlMessageReader>();
  YZ_TRY(auto message, below_->read(std::move(*in.mutable_message())));
  if (!message) return std::nullopt;
  out.what = std::make_shared<const ControlMessageBox>(ControlMessageBox{*std::move(message)});
  return out;
}

Result<std::optional<ControlMessage>> ControlMessageReader::read(pb::ControlMessage&& in) {
  switch (in.body_case()) {
    case pb::ControlMessage::kWelcome: {
      const pb::Welcome& m = in.welcome();
      return Welcome{model::NodeId{m.node_id()}, model::ConfigSeq{m.current_config()},
                     model::PurgeSeq{m.current_purge()}};
    }
    case pb::ControlMessage::kConfig: {
      pb::ConfigUpdate& m = *in.mutable_config();
      pb::Piece& piece = *m.mutable_payload();
      YZ_TRY(SharedBytes payload, config_.add(piece.size(), piece.offset(), std::move(*piece.mutable_data())));
      if (!payload) return std::nullopt;
      if (m.is_snapshot()) return ConfigSnapshotUpdate{model::ConfigSeq{m.to()}, std::move(payload)};
      return ConfigDeltaUpdate{model::ConfigSeq{m.from()}, model::ConfigSeq{m.to()}, std::move(payload)};
    }
    case pb::ControlMessage::kPurgeRecords: {
      pb::PurgeRecords& m = *in.mutable_purge_records();
      pb::Piece& piece = *m.mutable_records();
      YZ_TRY(SharedBytes records, purges_.add(piece.size(), piece.offset(), std::move(*piece.mutable_data())));
      if (!records) return std::nullopt;
      return PurgeRecords{model::PurgeSeq{m.first()}, model::PurgeSeq{m.last()}, std::move(records)};
    }
    case pb::ControlMessage::kPurgeResync:
      return PurgeResync{model::PurgeSeq{in.purge_resync().seq()}};
    case pb::ControlMessage::kPrefetchTask:
      return read_task(std::move(*in.mutable_prefetch_task()));
    case pb::ControlMessage::kUsageAck:
      return UsageAck{in.usage_ack().epoch(), in.usage_ack().number()};
    case pb::ControlMessage::kLogAck:
      return LogAck{in.log_ack().epoch(), in.log_ack().number(), !in.log_ack().not_stored()};
    case pb::ControlMessage::kNodeStates:
      return read_states(in.node_states());
    case pb::ControlMessage::kRelayed:
      return read_relayed(std::move(*in.mutable_relayed()));
    case pb::ControlMessage::kSetDrain:
      return SetDrain{in.set_drain().draining()};
    case pb::ControlMessage::BODY_NOT_SET:
      break;
  }
  return std::nullopt;
}

}  // namespace yz::rpc::wire
