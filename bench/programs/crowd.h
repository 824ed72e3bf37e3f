#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "delayed_client.h"
#include "io/reactor_thread.h"
#include "model/config_snapshot.h"
#include "rpc/node_client.h"

namespace yz::bench {

/// Counts how many agents have reached each number (of a purge, of a configuration), and says when all have: one line
/// of JSON on standard output,
///     {"event":"purge","number":7,"agents":2000,"p50":812.012,"p99":812.061,"last":812.064}
/// where times are seconds of the monotonic clock, which all processes of a machine share. Any thread.
class Milestones {
 public:
  Milestones(std::string name, std::size_t agents) : name_(std::move(name)), agents_(agents) {}

  /// One agent went from `before` to `after`.
  void passed(std::uint64_t before, std::uint64_t after);

 private:
  const std::string name_;
  const std::size_t agents_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::vector<double>> times_;  // of numbers that some have not reached
};

/// How many agents have a session. Says so when the first one lost it and when all have one:
///     {"event":"connected","agents":2000,"at":812.5}   {"event":"away","agents":1999,"at":900.1}
class Attendance {
 public:
  explicit Attendance(std::size_t agents) : agents_(agents) {}
  void came();
  void went();

 private:
  const std::size_t agents_;
  std::mutex mutex_;
  std::size_t present_ = 0;
};

/// What a node makes of control's bytes. Thousands of machines would each decode the same bytes; here the first one
/// does it for all, for the time of this machine is control's to use.
class Configurations {
 public:
  struct Held {
    model::SnapshotPtr config;
    std::string hash;  ///< content_hash()
  };
  [[nodiscard]] Result<Held> of_snapshot(const std::string& bytes);
  [[nodiscard]] Result<Held> of_delta(const Held& base, const std::string& bytes);

 private:
  Result<Held> keep(std::string key, Result<model::ConfigSnapshot> made);

  std::mutex mutex_;
  std::map<std::string, Held> made_;  // the last few, by what they were made of
};

/// What agents have in common.
struct Crowd {
  std::vector<std::string> controls;     ///< host:port, of one or of relays: agents take them in turn
  std::vector<model::DomainId> domains;  ///< whose requests are counted
  std::chrono::milliseconds heartbeat{1'000};
  std::chrono::milliseconds usage{1'000};  ///< one batch each; zero: none
  std::unique_ptr<Attendance> attendance;
  std::unique_ptr<Milestones> configs;
  std::unique_ptr<Milestones> purges;
  Configurations configurations;
  io::ReactorThread channels{"channels", io::Backend::kEpoll};  ///< of all
  Post post;                                                    ///< of all; ends first
};

/// A node's agent over the real channel (rpc::NodeClient), with a cache that does at once what it is told: takes
/// configurations and purges, acknowledges them, beats, ships usage and sends again what was not stored. A gap or a
/// delta that does not fit ends the session, as in yz-agent.
class SimulatedAgent final : public rpc::NodeClientEvents {
 public:
  /// `delay` is that of its path to control. `crowd` outlives the agent.
  SimulatedAgent(Crowd& crowd, rpc::NodeIdentity identity, PathDelay delay, std::uint64_t seed);

  void connect();
  /// Sends what is due. Called from one thread, often.
  void pulse(std::chrono::steady_clock::time_point now);

  /// Requests counted in batches, and in those that control has acknowledged.
  struct Counted {
    std::uint64_t batches = 0, requests = 0, stored_batches = 0, stored_requests = 0;
  };
  [[nodiscard]] Counted counted() const;
  [[nodiscard]] bool has_all_stored() const;
  /// No further batches: what is counted is to arrive.
  void stop_counting();

  rpc::Hello make_hello() override;
  void on_connected(const rpc::Welcome& welcome) override;
  void on_message(rpc::ControlMessage message) override;
  void on_disconnected(const Error& reason) override;
  void on_refused(const Error& reason, std::chrono::milliseconds retry_in) override;

 private:
  struct Unstored {
    rpc::SharedBytes bytes;
    std::uint64_t requests = 0;
  };
  void take_config(Result<Configurations::Held> next, model::ConfigSeq seq);
  void take_purges(const rpc::PurgeRecords& records);
  void resynchronise(const std::string& why);
  void beat();
  void count();

  Crowd& crowd_;
  const rpc::NodeIdentity identity_;
  const PathDelay delay_;
  std::unique_ptr<rpc::NodeClient> client_;

  mutable std::mutex mutex_;  // the client's threads and the pulse
  Random random_;
  Configurations::Held held_;
  bool needs_snapshot_ = false;
  model::PurgeSeq applied_;
  std::chrono::steady_clock::time_point next_beat_;
  std::chrono::steady_clock::time_point next_count_;
  bool is_counting_ = true;
  const std::uint64_t epoch_;
  WallTime counted_until_;
  Counted counted_;
  std::map<std::uint64_t, Unstored> unstored_;  // by number
};

/// Seconds of the monotonic clock.
[[nodiscard]] double monotonic_seconds();
/// One line on standard output, at once. Any thread.
void say(std::string_view line);

}  // namespace yz::bench
