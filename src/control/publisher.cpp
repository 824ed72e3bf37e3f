#include "control/publisher.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "model/codec.h"

namespace yz::control {
namespace {

/// Whether a change only takes away: resources removed, domains switched off. Then schedulers must hear of it before
/// the edges stop serving.
bool takes_away(const model::ConfigSnapshot& before, const model::ConfigDelta& delta) {
  if (delta.upserts.empty() && delta.removals.empty()) return false;
  return std::ranges::all_of(delta.upserts, [&before](const model::ConfigDelta::Upsert& upsert) {
    const auto* domain = std::get_if<model::Domain>(&upsert.resource);
    if (domain == nullptr || domain->enabled) return false;
    const model::Domain* old = before.domains.find(domain->id);
    return old != nullptr && old->enabled;
  });
}

std::size_t index_of(rpc::Role role) { return static_cast<std::size_t>(role); }

std::chrono::microseconds elapsed(MonoTime since, MonoTime now) {
  return std::chrono::duration_cast<std::chrono::microseconds>(now - since);
}

}  // namespace

Publisher::Publisher(io::Reactor& reactor, NodeHub& hub, const Clock& clock, metrics::Registry& metrics,
                     Options options)
    : reactor_(reactor), hub_(hub), clock_(clock), options_(options) {
  edges_time_ = metrics.histogram("yz_control_config_edges_seconds",
                                  "From commit of a configuration until all connected edges answered.",
                                  metrics::Histogram::kMicroseconds);
  total_time_ = metrics.histogram("yz_control_config_total_seconds",
                                  "From commit of a configuration until edges and schedulers answered.",
                                  metrics::Histogram::kMicroseconds);
  refusals_ = metrics.counter("yz_control_config_refused_total", "Configurations refused by a node.");
  seq_ = metrics.gauge("yz_control_config_seq", "Number of the newest published configuration.");
  versions_.push_back({std::make_shared<const model::ConfigSnapshot>(), clock_.mono() - options_.patience, false, {}});
}

void Publisher::publish(model::SnapshotPtr config) {
  if (pending_ ? config->seq <= pending_->seq : config->seq <= versions_.back().config->seq) return;
  pending_ = std::move(config);
  if (is_waiting_) return;
  const MonoTime due = versions_.back().published + options_.debounce;
  if (due <= clock_.mono()) {
    publish_pending();
    return;
  }
  is_waiting_ = true;
  reactor_.spawn_into(scope_, wake_at(due));
}

io::Task<void> Publisher::wake_at(MonoTime when) {
  co_await io::sleep_until(when);
  if (std::exchange(is_waiting_, false) && pending_) {
    publish_pending();
  } else {
    advance();
  }
}

void Publisher::publish_pending() {
  const model::ConfigSnapshot& before = *versions_.back().config;
  Version next{std::exchange(pending_, nullptr), clock_.mono(), false, {}};
  model::ConfigDelta delta = model::diff(before, *next.config);
  next.schedulers_first = before.seq && takes_away(before, delta);
  next.hash = delta.result_hash;
  deltas_.clear();
  if (before.seq) {
    deltas_[{before.seq, next.config->seq}] = std::make_shared<const std::string>(model::encode(delta));
  }
  versions_.push_back(std::move(next));
  while (versions_.size() > options_.history) versions_.pop_front();
  started_ = clock_.wall();
  edges_took_.reset();
  total_took_.reset();
  seq_.set(static_cast<std::int64_t>(versions_.back().config->seq.value));
  hub_.on_config(versions_.back().config);
  advance();
  reactor_.spawn_into(scope_, wake_at(versions_.back().published + options_.patience));
}

bool Publisher::have_answered(rpc::Role role, model::ConfigSeq seq) const {
  return answers_[index_of(role)].all_reached(seq);
}

void Publisher::count_answer(const NodePeer& peer) {
  answers_[index_of(peer.role)].set(peer.id, std::max(peer.state.acked_config, peer.config_refused));
}

/// The newest version that peers of a role may have now: those before it that go to the other role first have been
/// answered there, or waited long enough.
const Publisher::Version& Publisher::limit_for(rpc::Role role) {
  const rpc::Role other = role == rpc::Role::kEdge ? rpc::Role::kScheduler : rpc::Role::kEdge;
  const MonoTime now = clock_.mono();
  const Version* limit = &versions_.front();
  for (const Version& version : versions_) {
    const bool other_first = version.schedulers_first == (role == rpc::Role::kEdge);
    const bool is_held =
        other_first && now < version.published + options_.patience && !have_answered(other, version.config->seq);
    if (is_held) break;
    limit = &version;
  }
  return *limit;
}

/// Called for every answer of every node: looks through them only when there is something to send.
void Publisher::advance() {
  for (const rpc::Role role : {rpc::Role::kEdge, rpc::Role::kScheduler}) {
    const Version& limit = limit_for(role);
    model::ConfigSeq& sent_to_all = sent_to_all_[index_of(role)];
    if (limit.config->seq <= sent_to_all) continue;
    sent_to_all = limit.config->seq;
    // What lets them go on is to be known to them before.
    if (role == rpc::Role::kScheduler) hub_.tell_schedulers();
    for (NodePeer* peer : hub_.connected(role)) {
      if (peer->config_sent < limit.config->seq) send(*peer, limit);
    }
  }
  note_times();
  changed_.notify_all();
}

/// A peer that has just come.
void Publisher::bring_up(NodePeer& peer) {
  const Version& limit = limit_for(peer.role);
  if (peer.config_sent < limit.config->seq) send(peer, limit);
  note_sent(peer, peer.config_sent);
}

void Publisher::note_times() {
  const Version& newest = versions_.back();
  const MonoTime now = clock_.mono();
  const bool edges_done = have_answered(rpc::Role::kEdge, newest.config->seq);
  if (edges_done && !edges_took_) {
    edges_took_ = elapsed(newest.published, now);
    edges_time_.record(static_cast<std::uint64_t>(edges_took_->count()));
  }
  if (edges_done && !total_took_ && have_answered(rpc::Role::kScheduler, newest.config->seq)) {
    total_took_ = elapsed(newest.published, now);
    total_time_.record(static_cast<std::uint64_t>(total_took_->count()));
  }
}

Publisher::Version* Publisher::find(model::ConfigSeq seq) {
  const auto it = std::ranges::lower_bound(versions_, seq, {}, [](const Version& v) { return v.config->seq; });
  return it != versions_.end() && it->config->seq == seq ? &*it : nullptr;
}

void Publisher::send(NodePeer& peer, const Version& version) {
  const model::ConfigSeq to = version.config->seq;
  const Version* base = peer.config_sent && !peer.config_needs_snapshot ? find(peer.config_sent) : nullptr;
  if (base == nullptr) {
    send_snapshot(peer, version);
    return;
  }
  rpc::SharedBytes& delta = deltas_[{peer.config_sent, to}];
  if (!delta) {
    delta = std::make_shared<const std::string>(model::encode(model::diff(*base->config, *version.config)));
  }
  peer.session->send(rpc::ConfigDeltaUpdate{peer.config_sent, to, delta});
  note_sent(peer, to);
  peer.config_was_delta = true;
}

void Publisher::note_sent(NodePeer& peer, model::ConfigSeq seq) {
  peer.config_sent = seq;
  // One that came while the others' version is held back again has less than they have.
  model::ConfigSeq& sent_to_all = sent_to_all_[index_of(peer.role)];
  sent_to_all = std::min(sent_to_all, seq);
}

void Publisher::send_snapshot(NodePeer& peer, const Version& version) {
  const model::ConfigSeq seq = version.config->seq;
  if (!seq) return;
  if (snapshot_.first != seq) {
    snapshot_ = {seq, std::make_shared<const std::string>(model::encode(*version.config))};
  }
  peer.session->send(rpc::ConfigSnapshotUpdate{seq, snapshot_.second});
  note_sent(peer, seq);
  peer.config_was_delta = false;
  peer.config_needs_snapshot = false;
}

void Publisher::on_attached(NodePeer& peer, const rpc::Hello& hello) {
  if (Version* base = hello.applied_config ? find(hello.applied_config) : nullptr) {
    if (base->hash.empty()) base->hash = base->config->content_hash();
    if (base->hash == hello.config_hash) peer.config_sent = hello.applied_config;
  }
  // A number from the future (the database was put back) counts for nothing.
  if (hello.applied_config > versions_.back().config->seq) peer.state.acked_config = {};
  count_answer(peer);
  advance();
  bring_up(peer);
}

void Publisher::on_detached(NodePeer& peer) {
  answers_[index_of(peer.role)].erase(peer.id);
  advance();
}

void Publisher::on_forgotten() {
  for (AnswerCount& answers : answers_) answers.clear();
}

void Publisher::on_config_ack(NodePeer& peer, const rpc::ConfigAck& ack) {
  if (!ack.ok) {
    refusals_.add();
    if (peer.config_was_delta && peer.config_sent == ack.seq) {
      // Perhaps it was the delta that did not fit: the whole is tried before this counts as a refusal.
      peer.config_refused = {};
      send_snapshot(peer, limit_for(peer.role));
    } else {
      peer.config_needs_snapshot = true;
    }
  }
  count_answer(peer);
  advance();
}

void Publisher::on_behind(NodePeer& peer, const rpc::Behind& behind) {
  if (!behind.config) return;
  send_snapshot(peer, limit_for(peer.role));
}

Rollout Publisher::rollout() const {
  Rollout out;
  const Version& newest = versions_.back();
  out.seq = newest.config->seq;
  out.started = started_;
  out.edges_took = edges_took_;
  out.total_took = total_took_;
  out.phase = total_took_ ? Rollout::Phase::kDone : edges_took_ ? Rollout::Phase::kSchedulers : Rollout::Phase::kEdges;
  if (!out.seq) out.phase = Rollout::Phase::kDone;
  const auto add = [&out](const NodePeer& peer) {
    Rollout::Node node{peer.id, peer.name, peer.role, Rollout::NodePhase::kWaiting, peer.state.acked_config, {}};
    if (!peer.is_connected()) {
      node.phase = Rollout::NodePhase::kAway;
    } else if (peer.config_refused >= out.seq) {
      node.phase = Rollout::NodePhase::kRefused;
      node.reason = peer.config_error;
    } else if (peer.state.acked_config >= out.seq) {
      node.phase = Rollout::NodePhase::kCurrent;
    }
    out.nodes.push_back(std::move(node));
  };
  for (const auto& [id, peer] : hub_.peers()) add(peer);
  for (const auto& [id, entry] : newest.config->nodes) {
    if (hub_.find(id) == nullptr) {
      out.nodes.push_back({id, entry.value->name, rpc::Role::kEdge, Rollout::NodePhase::kAway, {}, {}});
    }
  }
  return out;
}

}  // namespace yz::control
