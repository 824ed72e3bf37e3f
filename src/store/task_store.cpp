#include "store/task_store.h"

#include <iterator>
#include <map>

#include <fmt/format.h>

#include "store/audit_log.h"
#include "store/dialect.h"
#include "store/page_query.h"

namespace yz::store {

using model::NodeId;
using model::NodeProgress;
using model::Task;
using model::TaskId;
using model::TaskKind;
using model::TaskState;

namespace {

constexpr std::string_view kColumns =
    "id, tenant, kind, state, hard, first_seq, last_seq, created_at, finished_at, reads_manifests";
constexpr std::size_t kColumnCount = 10;

template <typename Enum>
std::uint64_t number(Enum value) {
  return static_cast<std::uint64_t>(value);
}

/// "(0, 1)": the states that are not final, for SQL.
const std::string& open_states() {
  static const std::string text = fmt::format("({}, {})", number(TaskState::kPending), number(TaskState::kRunning));
  return text;
}

Task read_task(const Row& row) {
  Task task;
  task.id = row.id<TaskId>(0);
  task.tenant = row.id<model::TenantId>(1);
  task.kind = static_cast<TaskKind>(row.u64(2));
  task.state = static_cast<TaskState>(row.u64(3));
  task.hard = row.boolean(4);
  task.first_seq = row.id<model::PurgeSeq>(5);
  task.last_seq = row.id<model::PurgeSeq>(6);
  task.created = row.time(7);
  task.finished = row.time(8);
  task.reads_manifests = row.boolean(9);
  return task;
}

NodeProgress read_progress(const Row& row, std::size_t first) {
  return {.node = row.id<NodeId>(first),
          .state = static_cast<TaskState>(row.u64(first + 1)),
          .done = static_cast<std::uint32_t>(row.u64(first + 2)),
          .failed = static_cast<std::uint32_t>(row.u64(first + 3)),
          .message = row.text(first + 4),
          .updated = row.time(first + 5)};
}

/// Adds the targets and nodes of each task.
Status fill(Transaction& tx, std::vector<Task>& tasks) {
  for (Task& task : tasks) {
    YZ_TRY(
        const Rows targets,
        tx.query("SELECT kind, domain, purge_key, url FROM task_target WHERE task = ? ORDER BY number", 4, {task.id}));
    for (const Row& row : targets) {
      task.targets.push_back({.kind = static_cast<model::PurgeKind>(row.u64(0)),
                              .domain = row.id<model::DomainId>(1),
                              .key = row.text(2),
                              .url = row.text(3)});
    }
    YZ_TRY(const Rows nodes, tx.query("SELECT node, state, done, failed, message, updated_at FROM task_node "
                                      "WHERE task = ? ORDER BY node",
                                      6, {task.id}));
    for (const Row& row : nodes) task.nodes.push_back(read_progress(row, 0));
  }
  return {};
}

Status insert_targets(Transaction& tx, const Task& task) {
  constexpr std::size_t kRowsPerInsert = 200;
  for (std::size_t at = 0; at < task.targets.size();) {
    std::string sql = "INSERT INTO task_target (task, number, kind, domain, purge_key, url) VALUES ";
    std::vector<Value> parameters;
    for (std::size_t n = 0; n < kRowsPerInsert && at < task.targets.size(); ++n, ++at) {
      const model::TaskTarget& target = task.targets[at];
      sql += n == 0 ? "(?, ?, ?, ?, ?, ?)" : ", (?, ?, ?, ?, ?, ?)";
      for (Value value : {Value(task.id), Value(std::uint64_t{at}), Value(number(target.kind)), Value(target.domain),
                          Value(target.key), Value(target.url)}) {
        parameters.push_back(std::move(value));
      }
    }
    YZ_CHECK(tx.execute(sql, parameters));
  }
  return {};
}

Status insert_nodes(Transaction& tx, TaskId id, const std::vector<TaskNode>& nodes, WallTime now) {
  IntegerInsert insert;
  insert.head = "INSERT INTO task_node (task, node, awaited, state, done, failed, message, updated_at) VALUES ";
  insert.pattern = "(?, ?, ?, ?, 0, 0, '', ?)";
  for (const TaskNode& node : nodes) {
    insert.add({id.value, node.node.value, std::uint64_t{node.awaited}, number(TaskState::kPending),
                static_cast<std::uint64_t>(now.time_since_epoch().count())});
  }
  return tx.insert_rows(insert);
}

tl::unexpected<Error> no_such_task(TaskId id) {
  return fail(Code::kNotFound, fmt::format("there is no task {}", id.value), Fault::kClient);
}

/// What the awaited nodes make of their task.
struct Tally {
  std::uint64_t untouched = 0, running = 0, complete = 0, partial = 0, failed = 0;

  [[nodiscard]] TaskState state() const {
    const bool begun = running + complete + partial + failed > 0;
    if (untouched + running > 0) return begun ? TaskState::kRunning : TaskState::kPending;
    if (partial + failed == 0) return TaskState::kComplete;
    return complete + partial == 0 ? TaskState::kFailed : TaskState::kPartial;
  }
};

Result<Tally> tally(Transaction& tx, TaskId id) {
  YZ_TRY(const Rows rows,
         tx.query("SELECT state, COUNT(*) FROM task_node WHERE task = ? AND awaited = 1 GROUP BY state", 2, {id}));
  Tally sum;
  for (const Row& row : rows) {
    switch (static_cast<TaskState>(row.u64(0))) {
      case TaskState::kPending:
        sum.untouched = row.u64(1);
        break;
      case TaskState::kRunning:
        sum.running = row.u64(1);
        break;
      case TaskState::kComplete:
        sum.complete = row.u64(1);
        break;
      case TaskState::kPartial:
        sum.partial = row.u64(1);
        break;
      case TaskState::kFailed:
        sum.failed = row.u64(1);
        break;
    }
  }
  return sum;
}

/// Gives the task the state its nodes have brought it to. Its row is locked before they are counted, so of two nodes
/// that finish at once the second sees the first.
Result<TaskState> settle(Transaction& tx, TaskId id, WallTime now) {
  YZ_TRY(const auto row,
         tx.query_one(fmt::format("SELECT state FROM task WHERE id = ?{}", tx.dialect().for_update()), 1, {id}));
  if (!row) return no_such_task(id);
  const auto before = static_cast<TaskState>(row->u64(0));
  if (model::is_final(before)) return before;
  YZ_TRY(const Tally sum, tally(tx, id));
  TaskState after = sum.state();
  if (after == TaskState::kPending) after = before;
  if (after != before) {
    YZ_CHECK(tx.execute("UPDATE task SET state = ?, finished_at = ? WHERE id = ?",
                        {number(after), model::is_final(after) ? Value(now) : Value(0), id}));
  }
  return after;
}

}  // namespace

Result<Task> TaskStore::create(const Author& author, Task task, const std::vector<TaskNode>& nodes) {
  bool waits = false;
  for (const TaskNode& node : nodes) waits = waits || node.awaited;
  task.state = waits ? TaskState::kPending : TaskState::kComplete;
  task.created = author.at;
  task.finished = waits ? WallTime{} : author.at;
  YZ_TRY(const auto id, tx_.insert("INSERT INTO task (tenant, kind, state, hard, first_seq, last_seq, created_at, "
                                   "finished_at, reads_manifests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                   {task.tenant, number(task.kind), number(task.state), task.hard, task.first_seq,
                                    task.last_seq, task.created, task.finished, task.reads_manifests}));
  task.id = TaskId{id};
  YZ_CHECK(insert_targets(tx_, task));
  YZ_CHECK(insert_nodes(tx_, task.id, nodes, author.at));
  Author owner = author;
  if (task.tenant) owner.tenant = task.tenant;
  YZ_CHECK(AuditLog(tx_).add(owner, task.kind == TaskKind::kRefresh ? "refresh" : "prefetch", "task",
                             to_string(task.id), fmt::format(R"({{"targets":{}}})", task.targets.size())));
  task.nodes.clear();
  for (const TaskNode& node : nodes) task.nodes.push_back({.node = node.node, .message = {}, .updated = author.at});
  return task;
}

Result<Task> TaskStore::get(TaskId id) {
  YZ_TRY(const auto row, tx_.query_one(fmt::format("SELECT {} FROM task WHERE id = ?", kColumns), kColumnCount, {id}));
  if (!row) return no_such_task(id);
  std::vector<Task> one{read_task(*row)};
  YZ_CHECK(fill(tx_, one));
  return std::move(one.front());
}

Result<std::vector<NodeId>> TaskStore::away(TaskId id) {
  YZ_TRY(
      const Rows rows,
      tx_.query(fmt::format("SELECT node FROM task_node WHERE task = ? AND awaited = 0 AND state IN {} ORDER BY node",
                            open_states()),
                1, {id}));
  std::vector<NodeId> nodes;
  nodes.reserve(rows.size());
  for (const Row& row : rows) nodes.push_back(row.id<NodeId>(0));
  return nodes;
}

Result<Listing<Task>> TaskStore::list(const TaskFilter& filter, Page page) {
  PageQuery query(kColumns, kColumnCount, "task", page, PageOrder::kNewestFirst);
  if (filter.tenant) query.where("tenant", *filter.tenant);
  if (filter.kind) query.where("kind", number(*filter.kind));
  if (filter.state) query.where("state", number(*filter.state));
  YZ_TRY(auto listing, query.read<Task>(tx_, &read_task));
  YZ_CHECK(fill(tx_, listing.items));
  return listing;
}

Result<std::vector<Task>> TaskStore::unfinished(TaskKind kind, std::size_t limit) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT {} FROM task WHERE state IN {} AND kind = ? ORDER BY id LIMIT {}", kColumns,
                               open_states(), limit),
                   kColumnCount, {number(kind)}));
  std::vector<Task> tasks;
  tasks.reserve(rows.size());
  for (const Row& row : rows) tasks.push_back(read_task(row));
  YZ_CHECK(fill(tx_, tasks));
  return tasks;
}

Result<std::vector<TaskId>> TaskStore::unfinished_ids(std::size_t limit) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT id FROM task WHERE state IN {} ORDER BY id LIMIT {}", open_states(), limit), 1));
  std::vector<TaskId> out;
  out.reserve(rows.size());
  for (const Row& row : rows) out.push_back(row.id<TaskId>(0));
  return out;
}

Status TaskStore::start(TaskId id) {
  YZ_CHECK(tx_.execute("UPDATE task SET state = ? WHERE id = ? AND state = ?",
                       {number(TaskState::kRunning), id, number(TaskState::kPending)}));
  return {};
}

Result<std::vector<TaskId>> TaskStore::record_applied(NodeId node, model::PurgeSeq applied, WallTime now) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT n.task, t.last_seq - t.first_seq + 1 FROM task_node n "
                               "JOIN task t ON t.id = n.task "
                               "WHERE n.node = ? AND n.state IN {} AND t.kind = ? AND t.last_seq <= ? ORDER BY n.task",
                               open_states()),
                   2, {node, number(TaskKind::kRefresh), applied}));
  std::vector<TaskId> changed;
  for (const Row& row : rows) {
    const auto id = row.id<TaskId>(0);
    YZ_CHECK(tx_.execute("UPDATE task_node SET state = ?, done = ?, updated_at = ? WHERE task = ? AND node = ?",
                         {number(TaskState::kComplete), row.u64(1), now, id, node}));
    YZ_CHECK(settle(tx_, id, now));
    changed.push_back(id);
  }
  return changed;
}

Result<TaskState> TaskStore::record_done(TaskId id, const std::vector<Done>& nodes, WallTime now) {
  YZ_TRY(const auto targets, tx_.query_one("SELECT last_seq - first_seq + 1 FROM task WHERE id = ?", 1, {id}));
  if (!targets) return no_such_task(id);
  std::map<WallTime, std::string> lists;
  for (const Done& done : nodes) {
    std::string& list = lists[done.at];
    fmt::format_to(std::back_inserter(list), "{}{}", list.empty() ? "" : ", ", done.node.value);
  }
  for (const auto& [at, list] : lists) {
    YZ_CHECK(tx_.execute(fmt::format("UPDATE task_node SET state = ?, done = ?, updated_at = ? "
                                     "WHERE task = ? AND node IN ({}) AND state IN {}",
                                     list, open_states()),
                         {number(TaskState::kComplete), targets->u64(0), at, id}));
  }
  return settle(tx_, id, now);
}

Result<TaskState> TaskStore::record_progress(TaskId id, const NodeProgress& progress) {
  YZ_CHECK(tx_.execute(
      fmt::format("UPDATE task_node SET state = ?, done = ?, failed = ?, message = ?, updated_at = ? "
                  "WHERE task = ? AND node = ? AND state IN {}",
                  open_states()),
      {number(progress.state), progress.done, progress.failed, progress.message, progress.updated, id, progress.node}));
  return settle(tx_, id, progress.updated);
}

Result<TaskState> TaskStore::stop_awaiting(TaskId id, NodeId node, WallTime now) {
  YZ_CHECK(tx_.execute(fmt::format("UPDATE task_node SET awaited = 0, updated_at = ? "
                                   "WHERE task = ? AND node = ? AND state IN {}",
                                   open_states()),
                       {now, id, node}));
  return settle(tx_, id, now);
}

Result<std::vector<TaskId>> TaskStore::give_up(WallTime silent_since, std::string_view reason, WallTime now) {
  YZ_TRY(const Rows rows,
         tx_.query(fmt::format("SELECT id FROM task WHERE state IN {} AND created_at < ? AND NOT EXISTS (SELECT 1 FROM "
                               "task_node n WHERE n.task = task.id AND n.updated_at >= ?) ORDER BY id",
                               open_states()),
                   1, {silent_since, silent_since}));
  std::vector<TaskId> given_up;
  for (const Row& row : rows) {
    const auto id = row.id<TaskId>(0);
    YZ_CHECK(tx_.execute(fmt::format("UPDATE task_node SET state = ?, message = ?, updated_at = ? "
                                     "WHERE task = ? AND awaited = 1 AND state IN {}",
                                     open_states()),
                         {number(TaskState::kFailed), reason, now, id}));
    YZ_CHECK(settle(tx_, id, now));
    given_up.push_back(id);
  }
  return given_up;
}

Result<std::uint64_t> TaskStore::drop_before(WallTime created_before) {
  const std::string old = fmt::format("SELECT id FROM task WHERE created_at < ? AND state NOT IN {}", open_states());
  for (const std::string_view table : {"task_target", "task_node"}) {
    YZ_CHECK(tx_.execute(fmt::format("DELETE FROM {} WHERE task IN ({})", table, old), {created_before}));
  }
  return tx_.execute(fmt::format("DELETE FROM task WHERE created_at < ? AND state NOT IN {}", open_states()),
                     {created_before});
}

}  // namespace yz::store
