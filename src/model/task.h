#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"
#include "model/purge.h"

namespace yz::model {

enum class TaskKind : std::uint8_t { kRefresh, kPrefetch };

enum class TaskState : std::uint8_t {
  kPending,   ///< accepted, nothing sent
  kRunning,   ///< at least one node was told, not all have answered
  kComplete,  ///< every node that had to has done it
  kPartial,   ///< given up waiting for some; `nodes` says for whom
  kFailed,    ///< no node did it
};
[[nodiscard]] constexpr bool is_final(TaskState s) { return s != TaskState::kPending && s != TaskState::kRunning; }

/// One thing a task is about: a purge without its number, or (prefetch) a URL.
struct TaskTarget {
  PurgeKind kind = PurgeKind::kUrl;
  DomainId domain;
  std::string key;  ///< as PurgeRecord::key
  std::string url;  ///< as the customer wrote it

  friend bool operator==(const TaskTarget&, const TaskTarget&) = default;
};

/// How far one node is.
struct NodeProgress {
  NodeId node;
  TaskState state = TaskState::kPending;
  std::uint32_t done = 0;
  std::uint32_t failed = 0;
  std::string message;  ///< why, when something failed
  WallTime updated;

  friend bool operator==(const NodeProgress&, const NodeProgress&) = default;
};

/// A refresh or prefetch a customer asked for.
struct Task {
  TaskId id;
  TenantId tenant;
  TaskKind kind = TaskKind::kRefresh;
  TaskState state = TaskState::kPending;
  std::vector<TaskTarget> targets;
  bool hard = true;              ///< how the targets are forgotten
  bool reads_manifests = false;  ///< prefetch only: what manifests lead to is loaded, too
  /// Its records in the purge log: of a refresh, and of a prefetch that first has its targets forgotten; else 0.
  PurgeSeq first_seq;
  PurgeSeq last_seq;
  WallTime created;
  WallTime finished;  ///< epoch while not final
  std::vector<NodeProgress> nodes;

  friend bool operator==(const Task&, const Task&) = default;
};

}  // namespace yz::model
