#include "store/task_store.h"

#include "store/audit_log.h"
#include "store/purge_log.h"
#include "store/store_test.h"

namespace yz::store {
namespace {

using model::NodeId;
using model::TaskState;

class TaskStoreTest : public StoreTest {
 protected:
  model::Task add_refresh(std::vector<TaskNode> nodes, std::size_t urls = 2) {
    return write([&](Transaction& tx) -> Result<model::Task> {
      model::Task task;
      task.tenant = {3};
      std::vector<model::PurgeRecord> records;
      for (std::size_t i = 0; i < urls; ++i) {
        const std::string path = "/" + std::to_string(i) + ".js?v='1'";
        task.targets.push_back({.kind = model::PurgeKind::kUrl, .domain = {5}, .key = path, .url = "http://a" + path});
        records.push_back({.seq = {}, .kind = model::PurgeKind::kUrl, .domain = {5}, .key = path, .issued_at = now()});
      }
      YZ_TRY(const auto stamped, PurgeLog(tx).append(records));
      task.first_seq = stamped.front().seq;
      task.last_seq = stamped.back().seq;
      return TaskStore(tx).create(author(), task, nodes);
    });
  }
  model::Task add_prefetch(std::vector<TaskNode> nodes) {
    model::Task task;
    task.kind = model::TaskKind::kPrefetch;
    task.targets = {{.key = {}, .url = "http://a/1"}};
    return write([&](Transaction& tx) { return TaskStore(tx).create(author(), task, nodes); });
  }
  model::Task get(model::TaskId id) {
    return read([&](Transaction& tx) { return TaskStore(tx).get(id); });
  }
  std::vector<model::TaskId> apply(NodeId node, std::uint64_t seq) {
    return write([&](Transaction& tx) { return TaskStore(tx).record_applied(node, {seq}, now()); });
  }
  TaskState report(model::TaskId id, NodeId node, TaskState state, std::string message = "") {
    return write([&](Transaction& tx) {
      return TaskStore(tx).record_progress(
          id, {.node = node, .state = state, .done = 1, .failed = 0, .message = message, .updated = now()});
    });
  }
};
YZ_ON_BOTH_ENGINES(TaskStoreTest);

TEST_P(TaskStoreTest, ATaskComesBackWithItsFrozenTargetsAndNodes) {
  const auto task = add_refresh({{{1}}, {{2}, false}}, 450);
  EXPECT_EQ(task.state, TaskState::kPending);
  EXPECT_EQ(task.first_seq.value, 1u);
  EXPECT_EQ(task.last_seq.value, 450u);
  EXPECT_EQ(get(task.id), task);
  EXPECT_EQ(read([&](Transaction& tx) { return TaskStore(tx).away(task.id); }), std::vector<NodeId>{{2}});
  const auto audit = read([](Transaction& tx) { return AuditLog(tx).list({}, {}); });
  EXPECT_EQ(audit.items.at(0).action, "refresh");
  EXPECT_EQ(audit.items[0].tenant, model::TenantId{3});
}

TEST_P(TaskStoreTest, ARefreshIsCompleteWhenEveryAwaitedNodeAppliedItsLastRecord) {
  const auto task = add_refresh({{{1}}, {{2}}, {{3}, false}});
  write([&](Transaction& tx) { return TaskStore(tx).start(task.id).map([] { return 0; }); });
  EXPECT_EQ(get(task.id).state, TaskState::kRunning);
  EXPECT_TRUE(apply({1}, task.last_seq.value - 1).empty());
  EXPECT_EQ(apply({1}, task.last_seq.value), std::vector{task.id});
  EXPECT_EQ(get(task.id).state, TaskState::kRunning);
  advance(std::chrono::milliseconds(40));
  EXPECT_EQ(apply({2}, task.last_seq.value + 7), std::vector{task.id});
  const auto done = get(task.id);
  EXPECT_EQ(done.state, TaskState::kComplete);
  EXPECT_EQ(done.finished, now());
  EXPECT_EQ(done.nodes.at(0).done, 2u);
  EXPECT_TRUE(apply({2}, task.last_seq.value).empty());

  EXPECT_EQ(apply({3}, task.last_seq.value), std::vector{task.id});
  EXPECT_EQ(get(task.id).nodes.at(2).state, TaskState::kComplete);
  EXPECT_TRUE(read([&](Transaction& tx) { return TaskStore(tx).away(task.id); }).empty());
}

TEST_P(TaskStoreTest, ThousandsOfNodesFinishATaskTogether) {
  std::vector<TaskNode> nodes;
  for (std::uint64_t id = 1; id <= 1'201; ++id) nodes.push_back({{id}, id != 1'201});
  const auto task = add_refresh(nodes);
  std::vector<TaskStore::Done> first, rest;
  for (std::uint64_t id = 1; id <= 1'200; ++id) {
    (id % 2 == 0 ? first : rest).push_back({{id}, now() + std::chrono::milliseconds(id % 5)});
  }
  const auto record = [&](const std::vector<TaskStore::Done>& done) {
    return write([&](Transaction& tx) { return TaskStore(tx).record_done(task.id, done, now()); });
  };
  EXPECT_EQ(record(first), TaskState::kRunning);
  report(task.id, {1}, TaskState::kFailed, "disk full");
  advance(std::chrono::milliseconds(40));
  EXPECT_EQ(record(rest), TaskState::kPartial);
  const auto done = get(task.id);
  EXPECT_EQ(done.finished, now());
  EXPECT_EQ(done.nodes.at(0).message, "disk full") << "what was final stays";
  for (std::size_t i = 1; i < 1'200; ++i) {
    ASSERT_EQ(done.nodes.at(i).state, TaskState::kComplete) << i;
    ASSERT_EQ(done.nodes[i].done, 2u);
    ASSERT_EQ((done.nodes[i].updated - task.created).count() % 5, static_cast<std::int64_t>((i + 1) % 5));
  }
  EXPECT_EQ(done.nodes.at(1'200).state, TaskState::kPending);
}

TEST_P(TaskStoreTest, OneAcknowledgementMayFinishSeveralTasks) {
  const auto first = add_refresh({{{1}}});
  const auto second = add_refresh({{{1}}});
  EXPECT_EQ(apply({1}, second.last_seq.value), (std::vector{first.id, second.id}));
}

TEST_P(TaskStoreTest, ATaskThatWaitsForNobodyIsComplete) {
  EXPECT_EQ(get(add_refresh({{{1}, false}}).id).state, TaskState::kComplete);
  EXPECT_EQ(get(add_prefetch({}).id).state, TaskState::kComplete);
}

TEST_P(TaskStoreTest, FailuresMakeATaskPartialOrFailed) {
  const auto mixed = add_prefetch({{{1}}, {{2}}});
  EXPECT_EQ(report(mixed.id, {1}, TaskState::kRunning), TaskState::kRunning);
  EXPECT_EQ(report(mixed.id, {1}, TaskState::kComplete), TaskState::kRunning);
  EXPECT_EQ(report(mixed.id, {2}, TaskState::kFailed, "origin answered 500"), TaskState::kPartial);
  EXPECT_EQ(get(mixed.id).nodes.at(1).message, "origin answered 500");
  EXPECT_EQ(report(mixed.id, {2}, TaskState::kComplete), TaskState::kPartial);
  EXPECT_EQ(get(mixed.id).nodes.at(1).state, TaskState::kFailed);

  const auto none = add_prefetch({{{1}}});
  EXPECT_EQ(report(none.id, {1}, TaskState::kFailed), TaskState::kFailed);
}

TEST_P(TaskStoreTest, ATaskDoesNotWaitForANodeThatLeft) {
  const auto task = add_refresh({{{1}}, {{2}}});
  const auto leave = [&](NodeId node) {
    return write([&](Transaction& tx) { return TaskStore(tx).stop_awaiting(task.id, node, now()); });
  };
  apply({1}, task.last_seq.value);
  EXPECT_EQ(leave({2}), TaskState::kComplete);
  EXPECT_EQ(read([&](Transaction& tx) { return TaskStore(tx).away(task.id); }), std::vector<NodeId>{{2}});
  EXPECT_EQ(apply({2}, task.last_seq.value), std::vector{task.id});
  EXPECT_TRUE(read([&](Transaction& tx) { return TaskStore(tx).away(task.id); }).empty());
}

TEST_P(TaskStoreTest, GivingUpFailsWhoIsStillOut) {
  const auto task = add_refresh({{{1}}, {{2}}});
  apply({1}, task.last_seq.value);
  const auto give_up = [&](WallTime before) {
    return write([&](Transaction& tx) { return TaskStore(tx).give_up(before, "no answer", now()); });
  };
  EXPECT_TRUE(give_up(task.created).empty());
  EXPECT_EQ(give_up(task.created + std::chrono::seconds(1)), std::vector{task.id});
  const auto over = get(task.id);
  EXPECT_EQ(over.state, TaskState::kPartial);
  EXPECT_EQ(over.nodes.at(1).message, "no answer");
}

TEST_P(TaskStoreTest, ListsAreNewestFirstAndFiltered) {
  const auto refresh = add_refresh({{{1}}});
  const auto prefetch = add_prefetch({{{1}}});
  const auto last = add_prefetch({});
  const auto ids = [&](TaskFilter filter, Page page) {
    std::vector<model::TaskId> found;
    for (const auto& task : read([&](Transaction& tx) { return TaskStore(tx).list(filter, page); }).items) {
      found.push_back(task.id);
    }
    return found;
  };
  EXPECT_EQ(ids({}, {}), (std::vector{last.id, prefetch.id, refresh.id}));
  EXPECT_EQ(ids({}, {.after = last.id.value, .limit = 1}), std::vector{prefetch.id});
  EXPECT_EQ(ids({.tenant = model::TenantId{3}, .kind = {}, .state = {}}, {}), std::vector{refresh.id});
  EXPECT_EQ(ids({.tenant = {}, .kind = model::TaskKind::kPrefetch, .state = TaskState::kComplete}, {}),
            std::vector{last.id});
  const auto open = read([](Transaction& tx) { return TaskStore(tx).unfinished(model::TaskKind::kPrefetch); });
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0], get(prefetch.id));
}

TEST_P(TaskStoreTest, OldFinalTasksGo) {
  add_prefetch({});
  const auto open = add_prefetch({{{1}}});
  advance(std::chrono::hours(1));
  const auto young = add_prefetch({});
  const auto dropped =
      write([&](Transaction& tx) { return TaskStore(tx).drop_before(now() - std::chrono::minutes(1)); });
  EXPECT_EQ(dropped, 1u);
  EXPECT_EQ(get(open.id).targets.size(), 1u);
  EXPECT_EQ(get(young.id).targets.size(), 1u);
  EXPECT_EQ(db().read([](Transaction& tx) { return TaskStore(tx).get({1}); }).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace yz::store
