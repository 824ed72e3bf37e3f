#include "agent/config_applier.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "io/reactor.h"
#include "model/codec.h"

namespace yz::agent {
namespace {

constexpr std::chrono::milliseconds kRetry{100};

bool may_pass(const Error& error) { return error.code == Code::kUnavailable || error.code == Code::kTimeout; }

}  // namespace

void ConfigApplier::restore(model::ConfigSnapshot snapshot) {
  good_hash_ = snapshot.content_hash();
  good_ = wanted_ = std::make_shared<const model::ConfigSnapshot>(std::move(snapshot));
  answered_ = good_->seq;
}

void ConfigApplier::on_welcome(model::ConfigSeq seq) {
  target_ = seq;
  needs_snapshot_ = false;
  changed_.notify_all();
}

void ConfigApplier::go_on_alone() {
  target_ = {};
  changed_.notify_all();
}

void ConfigApplier::want(model::ConfigSnapshot snapshot) {
  wanted_ = std::make_shared<const model::ConfigSnapshot>(std::move(snapshot));
  changed_.notify_all();
}

void ConfigApplier::on_snapshot(const rpc::ConfigSnapshotUpdate& update) {
  auto snapshot = model::decode_snapshot(*update.snapshot);
  if (!snapshot) {
    control_.send(rpc::ConfigAck{update.seq, false, snapshot.error().message});
    return;
  }
  if (good_ && good_->seq == snapshot->seq && wanted_ == good_) {
    if (snapshot->content_hash() == good_hash_) {
      control_.send(rpc::ConfigAck{update.seq, true, {}});
      return;
    }
    answered_ = {};  // another content under the same number: control's counts
  }
  last_delta_ = {};
  want(*std::move(snapshot));
}

void ConfigApplier::on_delta(const rpc::ConfigDeltaUpdate& update) {
  const auto delta = model::decode_delta(*update.delta);
  if (!delta) {
    control_.send(rpc::ConfigAck{update.to, false, delta.error().message});
    return;
  }
  if (wanted_ && wanted_->seq >= update.to) return;  // had it
  // After a refusal control may go on from what it sent or from what was accepted.
  const model::SnapshotPtr& base = good_ && good_->seq == delta->from ? good_ : wanted_;
  auto next = model::apply(base ? *base : model::ConfigSnapshot(), *delta);
  if (!next) {
    needs_snapshot_ = true;
    control_.resynchronise("configuration " + to_string(update.to) + " does not follow ours: " + next.error().message);
    return;
  }
  last_delta_ = update;
  want(*std::move(next));
}

bool ConfigApplier::is_settled() const {
  const auto up = edge_.up();
  return up && *up == generation_ && good_ && in_edge_ == good_->seq && answered_ >= target_;
}

io::Task<void> ConfigApplier::run() {
  for (;;) {
    const auto ticket = changed_.ticket();
    const auto up = edge_.up();
    if (up && wanted_ && (*up != generation_ || wanted_->seq != answered_)) {
      if (*up != generation_) in_edge_ = {};
      generation_ = *up;
      if (co_await push()) {
        served_ = *up;
      } else {
        generation_ = 0;
        co_await io::sleep_for(kRetry);
      }
      changed_.notify_all();
      continue;
    }
    (void)co_await changed_.wait(ticket, io::kNoDeadline);
  }
}

/// False when the edge could not be reached and it is to be tried again.
io::Task<bool> ConfigApplier::push() {
  const model::SnapshotPtr attempt = wanted_;  // may change while we wait
  auto given = co_await give_to_edge(attempt);
  if (given) {
    in_edge_ = attempt->seq;
    const bool is_new = good_ != attempt;
    good_ = attempt;
    if (is_new) good_hash_ = attempt->content_hash();
    answered_ = attempt->seq;
    control_.send(rpc::ConfigAck{attempt->seq, true, {}});
    co_return true;
  }
  if (may_pass(given.error())) co_return false;
  log::error("the edge refused configuration {}: {}", to_string(attempt->seq), given.error().message);
  answered_ = attempt->seq;
  control_.send(rpc::ConfigAck{attempt->seq, false, given.error().message});
  co_await give_back_good();
  co_return true;
}

io::Task<Status> ConfigApplier::give_to_edge(model::SnapshotPtr attempt) {
  if (last_delta_.delta && last_delta_.to == attempt->seq && last_delta_.from == in_edge_) {
    auto given = co_await driver_.apply_delta(last_delta_.delta);
    if (given || given.error().code != Code::kConflict) co_return given;
  }
  co_return co_await driver_.apply_snapshot(std::make_shared<const std::string>(model::encode(*attempt)));
}

/// A process that was started after the last good configuration and refuses the newest has none: it gets that one.
io::Task<void> ConfigApplier::give_back_good() {
  if (!good_ || in_edge_ == good_->seq) co_return;
  const model::SnapshotPtr good = good_;
  auto given = co_await driver_.apply_snapshot(std::make_shared<const std::string>(model::encode(*good)));
  if (given) {
    in_edge_ = good->seq;
  } else {
    log::error("the edge refuses even the last good configuration: {}", given.error().message);
  }
}

}  // namespace yz::agent
