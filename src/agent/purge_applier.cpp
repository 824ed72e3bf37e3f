#include "agent/purge_applier.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "io/reactor.h"

namespace yz::agent {
namespace {

constexpr std::chrono::milliseconds kRetry{50};
constexpr std::size_t kMaxRemembered = 4 << 20;  // bytes

bool may_pass(const Error& error) { return error.code == Code::kUnavailable || error.code == Code::kTimeout; }

}  // namespace

void PurgeApplier::on_welcome(model::PurgeSeq newest) {
  ++session_;
  waiting_.clear();
  target_ = newest;
  alone_ = revalidated_ = false;
  changed_.notify_all();
}

void PurgeApplier::on_records(rpc::PurgeRecords records) {
  waiting_.push_back({records.first, records.last, std::move(records.records)});
  changed_.notify_all();
}

void PurgeApplier::on_resync(const rpc::PurgeResync& resync) {
  waiting_.push_back({resync.seq, resync.seq, nullptr});
  changed_.notify_all();
}

void PurgeApplier::go_on_alone() {
  if (std::exchange(alone_, true)) return;
  log::warn("control is away: what is cached will be revalidated before it is served");
  // What control announced but did not send is known to be missing: its numbers are used up with the rest.
  const model::PurgeSeq seq = target_ ? std::max(*target_, applied_) : applied_;
  waiting_.push_back({seq, seq, nullptr});
  changed_.notify_all();
}

bool PurgeApplier::is_caught_up() const {
  const auto up = edge_.up();
  if (!up || *up != generation_) return false;
  return alone_ ? revalidated_ : target_ && applied_ >= *target_;
}

io::Task<void> PurgeApplier::run() {
  for (;;) {
    const auto ticket = changed_.ticket();
    const auto up = edge_.up();
    const bool is_new = up && *up != generation_;
    if (!up || (is_new && !may_begin_(*up)) || (!is_new && waiting_.empty())) {
      (void)co_await changed_.wait(ticket, io::kNoDeadline);
      continue;
    }
    bool done = false;
    if (is_new) {
      done = co_await align();
    } else {
      done = co_await do_next();
    }
    if (done) {
      changed_.notify_all();
    } else {
      generation_ = 0;  // where the edge is has to be asked again
      co_await io::sleep_for(kRetry);
    }
  }
}

/// Finds out where a new process stands and brings it to where we are.
io::Task<bool> PurgeApplier::align() {
  const auto up = edge_.up();
  auto status = co_await driver_.status();
  if (!status || !up || edge_.up() != up) co_return false;
  if (status->purge > applied_) {
    applied_ = status->purge;
    forget();
  }
  model::PurgeSeq at = status->purge;
  if (at < applied_ && !remembered_.empty() && remembered_.front().first.value <= at.value + 1) {
    for (const Work& work : std::deque<Work>(remembered_)) {
      if (work.last <= at) continue;
      auto given = co_await give(work);
      if (!given && may_pass(given.error())) co_return false;
      if (!given) break;
      at = *given;
    }
  }
  if (at < applied_) {
    log::warn("the edge is at purge {} and should be at {}: what it has will be revalidated", to_string(at),
              to_string(applied_));
    Work revalidate{applied_, applied_, nullptr};
    auto given = co_await give(std::move(revalidate));
    if (!given) co_return false;
  }
  generation_ = *up;
  control_.send(rpc::PurgeAck{applied_});
  co_return true;
}

io::Task<bool> PurgeApplier::do_next() {
  const Work work = waiting_.front();
  const std::uint64_t session = session_;
  const bool is_resync = work.records == nullptr;
  if (!is_resync && work.first.value > applied_.value + 1) {
    waiting_.clear();
    control_.resynchronise("purge " + to_string(work.first) + " came, " + to_string(applied_) + " was the last");
    co_return true;
  }
  if (is_resync || work.last > applied_) {
    auto given = co_await give(work);
    if (!given && !may_pass(given.error())) {
      // The records cannot be applied as they are; what they would have purged must not be served all the same.
      log::error("the edge refused purges {}-{}: {}", to_string(work.first), to_string(work.last),
                 given.error().message);
      if (given.error().code == Code::kConflict) co_return false;
      Work revalidate{work.last, work.last, nullptr};
      given = co_await give(std::move(revalidate));
    }
    if (!given) co_return false;
    if (*given > applied_) applied_ = *given;
    if (is_resync) {
      forget();
      revalidated_ = alone_;
    } else {
      remember(work);
    }
  }
  if (session == session_ && !waiting_.empty()) waiting_.pop_front();
  control_.send(rpc::PurgeAck{applied_});
  co_return true;
}

io::Task<Result<model::PurgeSeq>> PurgeApplier::give(Work work) {
  if (work.records == nullptr) co_return co_await driver_.resync(work.last);
  co_return co_await driver_.purge(work.records);
}

void PurgeApplier::forget() {
  remembered_.clear();
  remembered_bytes_ = 0;
}

void PurgeApplier::remember(const Work& work) {
  remembered_.push_back(work);
  remembered_bytes_ += work.records->size();
  while (remembered_bytes_ > kMaxRemembered) {
    remembered_bytes_ -= remembered_.front().records->size();
    remembered_.pop_front();
  }
}

}  // namespace yz::agent
