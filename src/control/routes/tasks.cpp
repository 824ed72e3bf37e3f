#include <algorithm>

#include <nlohmann/json.hpp>

#include "control/find_tenant.h"
#include "control/live.h"
#include "control/routes/routes.h"
#include "control/task_json.h"
#include "model/enum_names.h"
#include "store/task_store.h"

namespace yz::control {
namespace {

tl::expected<store::TaskFilter, Problem> read_filter(const Call& call) {
  store::TaskFilter out;
  if (const auto kind = call.parameter("kind")) {
    out.kind = model::from_name<model::TaskKind>(*kind);
    if (!out.kind) return refuse(bad_request("kind must be refresh or prefetch."));
  }
  if (const auto state = call.parameter("state")) {
    out.state = model::from_name<model::TaskState>(*state);
    if (!out.state) return refuse(bad_request("state must be pending, running, complete, partial or failed."));
  }
  const auto tenant = read_tenant(call);
  if (!tenant) return refuse(tenant.error());
  out.tenant = *tenant;
  return out;
}

/// Somebody bound to some domains sees what touches no other.
bool sees(const Principal& principal, const model::Task& task) {
  if (!principal.is_bound_to_domains()) return principal.may_see(task.tenant);
  return !task.targets.empty() && std::ranges::all_of(task.targets, [&](const model::TaskTarget& target) {
    return principal.may_see(task.tenant, target.domain);
  });
}

/// What the board knows is newer than what is stored.
const model::Task& newest(Live& live, const model::Task& stored) {
  const TaskBoard::Live* known = live.board().find(stored.id);
  return known != nullptr ? known->task : stored;
}

io::Task<Outcome> list(Live& live, RouteContext context, io::BlockingPool& pool, Call call) {
  const auto page = read_page(call);
  if (!page) co_return refuse(page.error());
  const auto filter = read_filter(call);
  if (!filter) co_return refuse(filter.error());
  using Found = Result<store::Listing<model::Task>>;
  auto found = co_await pool.run(
      [&database = context.database, page = *page, filter = *filter]() -> Found {
        return database.read([&](store::Transaction& tx) { return store::TaskStore(tx).list(filter, page); });
      },
      io::kNoDeadline);
  if (!found) co_return refuse(Problem(std::move(found).error()));
  const model::SnapshotPtr config = context.state.current();
  nlohmann::json items = nlohmann::json::array();
  for (const model::Task& task : found->items) {
    if (sees(call.principal, task)) items.push_back(task_json(newest(live, task), live.hub(), *config));
  }
  co_return page_reply(std::move(items), found->next);
}

/// From the board, or from the database.
io::Task<tl::expected<model::Task, Problem>> find(Live& live, store::Database& database, io::BlockingPool& pool,
                                                  model::TaskId id, Principal principal) {
  std::optional<model::Task> task;
  if (const TaskBoard::Live* known = live.board().find(id)) {
    task = known->task;
  } else {
    auto stored = co_await pool.run(
        [&database, id]() -> Result<model::Task> {
          return database.read([&](store::Transaction& tx) { return store::TaskStore(tx).get(id); });
        },
        io::kNoDeadline);
    if (!stored && stored.error().code != Code::kNotFound) {
      co_return tl::unexpected<Problem>(Problem(std::move(stored).error()));
    }
    if (stored) task = *std::move(stored);
  }
  if (!task || !sees(principal, *task)) {
    co_return tl::unexpected<Problem>(not_found("task"));
  }
  co_return *std::move(task);
}

io::Task<Outcome> get(Live& live, RouteContext context, io::BlockingPool& pool, Call call) {
  auto task = co_await find(live, context.database, pool, model::TaskId{call.id()}, call.principal);
  if (!task) co_return refuse(task.error());
  co_return json_reply(task_json(*task, live.hub(), *context.state.current()));
}

/// Thousands of nodes answer within a moment: that is told in steps, the end at once.
constexpr std::chrono::milliseconds kProgressEvery{100};

/// Progress of one task until it is over.
class TaskEvents final : public EventSource {
 public:
  TaskEvents(Live& live, const ConfigState& state, model::Task task)
      : live_(live), state_(state), task_(std::move(task)) {}

  io::Task<std::optional<Event>> next(MonoTime deadline) override {
    if (is_over_) co_return std::nullopt;
    for (;;) {
      const io::Waiters::Ticket ticket = live_.board().changed().ticket();
      const TaskBoard::Live* known = live_.board().find(task_.id);
      if (known == nullptr && seen_ != 0 && !model::is_final(task_.state)) co_return std::nullopt;
      is_over_ = model::is_final(known != nullptr ? known->task.state : task_.state);
      const bool is_new = (known != nullptr ? known->changes + 1 : 1) != seen_;
      const MonoTime now = io::Reactor::current().now();
      if (is_new && (is_over_ || now >= next_progress_)) {
        if (known != nullptr) task_ = known->task;
        seen_ = known != nullptr ? known->changes + 1 : 1;
        next_progress_ = now + kProgressEvery;
        co_return Event{is_over_ ? "done" : "progress", task_json(task_, live_.hub(), *state_.current()).dump()};
      }
      const MonoTime until = is_new ? std::min(deadline, next_progress_) : deadline;
      if (!co_await live_.board().changed().wait(ticket, until) && until == deadline) co_return Event{};
    }
  }

 private:
  Live& live_;
  const ConfigState& state_;
  model::Task task_;
  std::uint64_t seen_ = 0;  // changes, and one: 0 means that nothing was told
  MonoTime next_progress_;
  bool is_over_ = false;
};

io::Task<Outcome> watch(Live& live, RouteContext context, io::BlockingPool& pool, Call call) {
  auto task = co_await find(live, context.database, pool, model::TaskId{call.id()}, call.principal);
  if (!task) co_return refuse(task.error());
  Reply reply;
  reply.events = std::make_shared<TaskEvents>(live, context.state, *std::move(task));
  co_return reply;
}

}  // namespace

Routes task_routes(Live& live, const RouteContext& context, io::BlockingPool& pool) {
  using Handler = io::Task<Outcome> (*)(Live&, RouteContext, io::BlockingPool&, Call);
  const auto route = [&](std::string pattern, Handler handler) {
    return Route{"GET", std::move(pattern), "task:read", LoopHandler([&live, context, &pool, handler](Call call) {
                   return handler(live, context, pool, std::move(call));
                 })};
  };
  return {route("/api/v1/tasks", &list), route("/api/v1/tasks/{id}", &get), route("/api/v1/tasks/{id}/events", &watch)};
}

}  // namespace yz::control
