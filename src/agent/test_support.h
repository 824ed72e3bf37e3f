#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "agent/cache_driver.h"
#include "agent/control_link.h"
#include "agent/edge_presence.h"
#include "model/codec.h"

// A cache, an edge process and a control that exist in memory only.

namespace yz::agent {

class FakeEdge final : public EdgePresence {
 public:
  [[nodiscard]] std::optional<std::uint64_t> up() const override {
    return is_up ? std::optional(generation) : std::nullopt;
  }
  bool is_up = true;
  std::uint64_t generation = 1;
};

/// Behaves as cache_driver.h says, and remembers what it was asked.
class FakeDriver final : public CacheDriver {
 public:
  io::Task<Result<CacheStatus>> status() override {
    if (is_dead) co_return fail(Code::kUnavailable, "dead");
    CacheStatus status;
    status.epoch = 1;
    status.config = config;
    status.purge = purged;
    co_return status;
  }
  io::Task<Status> apply_snapshot(rpc::SharedBytes bytes) override {
    if (is_dead) co_return fail(Code::kUnavailable, "dead");
    const auto snapshot = model::decode_snapshot(*bytes);
    if (!snapshot) co_return fail(snapshot.error());
    if (snapshot->seq == refuses) co_return fail(Code::kInvalid, "refused by the edge");
    config = snapshot->seq;
    asked.push_back("snapshot " + to_string(config));
    co_return Status();
  }
  io::Task<Status> apply_delta(rpc::SharedBytes bytes) override {
    if (is_dead) co_return fail(Code::kUnavailable, "dead");
    const auto delta = model::decode_delta(*bytes);
    if (!delta) co_return fail(delta.error());
    if (delta->from != config) co_return fail(Code::kConflict, "does not follow");
    if (delta->to == refuses) co_return fail(Code::kInvalid, "refused by the edge");
    config = delta->to;
    asked.push_back("delta " + to_string(config));
    co_return Status();
  }
  io::Task<Result<model::PurgeSeq>> purge(rpc::SharedBytes bytes) override {
    if (is_dead) co_return fail(Code::kUnavailable, "dead");
    const auto records = model::decode_purge_records(*bytes);
    if (!records) co_return fail(records.error());
    for (const auto& record : *records) {
      if (record.seq <= purged) continue;
      if (record.seq.value != purged.value + 1) co_return fail(Code::kConflict, "gap");
      purged = record.seq;
      asked.push_back("purge " + to_string(purged));
    }
    co_return purged;
  }
  io::Task<Result<model::PurgeSeq>> resync(model::PurgeSeq seq) override {
    if (is_dead) co_return fail(Code::kUnavailable, "dead");
    purged = seq;
    asked.push_back("resync " + to_string(seq));
    co_return seq;
  }
  io::Task<Result<Prefetched>> prefetch(std::string url, bool reads_manifests) override {
    if (is_dead) co_return fail(Code::kUnavailable, "dead");
    asked.push_back("prefetch " + url);
    co_return Prefetched{{url, true, 200, url.size(), {}}, reads_manifests ? links : std::vector<std::string>()};
  }
  io::Task<Result<std::vector<rpc::Correction>>> take_corrections() override {
    co_return std::vector<rpc::Correction>();
  }
  io::Task<Status> set_ready(bool) override { co_return Status(); }
  io::Task<Status> set_draining(bool) override { co_return Status(); }

  bool is_dead = false;
  std::vector<std::string> links;  // of every manifest
  model::ConfigSeq config;
  model::ConfigSeq refuses{UINT64_MAX};
  model::PurgeSeq purged;
  std::vector<std::string> asked;
};

class FakeControlSink final : public ControlSink {
 public:
  bool send(rpc::NodeMessage message) override {
    if (is_away) return false;
    if (const auto* ack = std::get_if<rpc::ConfigAck>(&message)) {
      heard.push_back((ack->ok ? "config " : "refused ") + to_string(ack->seq) + (ack->ok ? "" : ": " + ack->reason));
    } else if (const auto* purged = std::get_if<rpc::PurgeAck>(&message)) {
      heard.push_back("purged " + to_string(purged->applied));
    } else if (const auto* result = std::get_if<rpc::PrefetchResult>(&message)) {
      std::size_t bytes = 0;
      for (const auto& url : result->urls) {
        heard.push_back((url.ok ? "got " : "lost ") + url.url + " " + url.reason);
        bytes += url.url.size();
      }
      for (const auto& link : result->links) {
        heard.push_back("found " + link + " in " + result->manifest);
        bytes += link.size();
      }
      largest_result = std::max(largest_result, bytes);
    }
    return true;
  }
  void resynchronise(const std::string&) override { heard.push_back("resynchronise"); }

  bool is_away = false;
  std::vector<std::string> heard;
  std::size_t largest_result = 0;  ///< bytes of URLs in one message
};

inline model::Domain test_domain(std::uint64_t id, std::string name) {
  model::Domain domain;
  domain.id = model::DomainId{id};
  domain.name = std::move(name);
  return domain;
}

/// Configuration `seq`: domains 1 to `seq`, one change each.
inline model::ConfigSnapshot test_config(std::uint64_t seq) {
  model::ConfigSnapshot config;
  for (std::uint64_t i = 1; i <= seq; ++i) {
    config.put(test_domain(i, "d" + std::to_string(i) + ".example"), model::ConfigSeq{i});
  }
  return config;
}

inline rpc::ConfigSnapshotUpdate test_snapshot(std::uint64_t seq) {
  return {model::ConfigSeq{seq}, std::make_shared<const std::string>(model::encode(test_config(seq)))};
}

inline rpc::ConfigDeltaUpdate test_delta(std::uint64_t from, std::uint64_t to) {
  return {model::ConfigSeq{from}, model::ConfigSeq{to},
          std::make_shared<const std::string>(model::encode(model::diff(test_config(from), test_config(to))))};
}

inline rpc::PurgeRecords test_purges(std::uint64_t first, std::uint64_t last) {
  std::vector<model::PurgeRecord> records;
  for (std::uint64_t seq = first; seq <= last; ++seq) {
    model::PurgeRecord record;
    record.seq = model::PurgeSeq{seq};
    record.domain = model::DomainId{1};
    record.key = "/" + std::to_string(seq);
    records.push_back(std::move(record));
  }
  return {model::PurgeSeq{first}, model::PurgeSeq{last}, std::make_shared<const std::string>(model::encode(records))};
}

}  // namespace yz::agent
