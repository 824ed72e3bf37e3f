// The Beijing edge and its agent are killed under load, again and again: how soon DNS avoids them; what was refreshed
// meanwhile is replayed when they return, and only then do they get viewers.
#include <csignal>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/demo/load.h"
#include "cli/demo/story.h"
#include "cli/dns_client.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

io::Task<bool> dns_names_beijing(Story& story) {
  const auto answer = co_await resolve_through(story.cluster.dns(), story.cname(story.crash_host), story.unicom);
  co_return answer && !answer->addresses.empty() && answer->addresses.front() == story.beijing().address;
}

io::Task<bool> dns_avoids_beijing(Story& story) {
  const auto answer = co_await resolve_through(story.cluster.dns(), story.cname(story.crash_host), story.unicom);
  co_return answer && !answer->addresses.empty() && answer->addresses.front() != story.beijing().address;
}

/// kill -9 of the edge and of its agent, which stays down.
void kill_node(Story& story, const std::string& agent) {
  story.ledger.killed(story.cluster.edge(story.beijing()), SystemClock::instance().mono());
  for (const pid_t edge : children_of(story.cluster.programs().pid_of(agent))) ::kill(edge, SIGKILL);
  story.cluster.programs().kill(agent, SIGKILL, true);
}

io::Task<Result<json>> state_of_beijing(Story& story) {
  YZ_CO_TRY(const json states, co_await story.cluster.api().get("/api/v1/node-states"));
  for (const json& state : states["items"]) {
    if (state.value("name", "") == story.beijing().name) co_return state;
  }
  co_return fail(Code::kNotFound, "control does not know the Beijing node");
}

/// Refreshes while the node is away: every connected node does it, the one that is away will on return.
io::Task<Result<std::uint64_t>> refresh_meanwhile(Story& story) {
  YZ_CO_CHECK(story.write_file("/crash/page.txt", "after the crash"));
  const json body = {{"urls", {fmt::format("http://{}/crash/page.txt", story.crash_host)}}};
  YZ_CO_TRY(json task, co_await story.cluster.api().post("/api/v1/refresh", body));
  YZ_CO_TRY(task, co_await story.cluster.api().wait_for_task(task["id"].get<std::uint64_t>(),
                                                             std::chrono::milliseconds(5), std::chrono::seconds(10)));
  co_return task.value("last_seq", std::uint64_t{0});
}

/// One kill, from the signal to the return into DNS. The first time a refresh happens in between.
io::Task<Status> one_kill(Story& story, const std::string& agent, bool with_refresh, Samples& out_of_dns,
                          Samples& back) {
  const MonoTime killed = SystemClock::instance().mono();
  kill_node(story, agent);
  YZ_CO_CHECK(co_await story.wait_until([&story] { return dns_avoids_beijing(story); }, std::chrono::seconds(15),
                                        "DNS to avoid the dead node", std::chrono::milliseconds(2)));
  out_of_dns.add(SystemClock::instance().mono() - killed);
  std::uint64_t replayed = 0;
  if (with_refresh) {
    YZ_CO_TRY(replayed, co_await refresh_meanwhile(story));
    story.tell(fmt::format("while it is away its page changes and is refreshed (number {})", replayed));
  }
  story.viewers.forget_connections();
  const MonoTime resumed = SystemClock::instance().mono();
  story.cluster.programs().resume(agent);
  YZ_CO_CHECK(co_await story.wait_until([&story] { return dns_names_beijing(story); }, std::chrono::seconds(30),
                                        "the node to return to DNS"));
  back.add(SystemClock::instance().mono() - resumed);
  if (with_refresh) {
    YZ_CO_TRY(const json state, co_await state_of_beijing(story));
    YZ_CO_CHECK(story.check(state.value("ready", false) && state.value("purge_seq", std::uint64_t{0}) >= replayed,
                            fmt::format("it is in DNS again, and had replayed up to {} before",
                                        state.value("purge_seq", std::uint64_t{0}))));
    ViewerRequest request;
    request.edge = story.cluster.edge(story.beijing());
    request.host = story.crash_host;
    request.path = "/crash/page.txt";
    request.client = story.unicom;
    request.expected = "after the crash";
    YZ_CO_TRY(const Reply reply, co_await story.viewers.get(std::move(request)));
    YZ_CO_CHECK(story.check(reply.status == 200 && reply.matches, "and serves the new page"));
  }
  co_return Status();
}

}  // namespace

io::Task<Status> step_dead_node(Story& story) {
  story.title(8, "A node dies under load");
  const std::string agent = "agent " + story.beijing().name;
  const std::string content(8 * 1024, 'c');
  YZ_CO_CHECK(story.write_file("/crash/load.bin", content));
  YZ_CO_CHECK(story.write_file("/crash/page.txt", "before the crash"));
  YZ_CO_TRY(
      [[maybe_unused]] const json domain,
      co_await story.cluster.ensure_domain(story.crash_host, "127.0.0.1", story.cluster.plan().origin_port, false));
  YZ_CO_CHECK(co_await story.wait_until([&story] { return dns_names_beijing(story); }, std::chrono::seconds(10),
                                        "the second domain to be in DNS"));

  Load load(story, story.crash_host, "/crash/load.bin", content, story.unicom, 8);
  co_await io::sleep_for(std::chrono::milliseconds(500));
  Samples out_of_dns, back;
  for (int i = 0; i < story.size.kills; ++i) {
    YZ_CO_CHECK(co_await one_kill(story, agent, i == 0, out_of_dns, back));
  }
  YZ_CO_CHECK(co_await load.stop());
  const Load::Counts& counts = load.counts();
  story.tell(
      fmt::format("the load: {} served, {} cut by the kills or refused before DNS changed, {} wrong, {} without DNS",
                  counts.served, counts.cut, counts.wrong, counts.no_dns));
  story.tell(fmt::format("back in DNS: {}", back.text()));
  YZ_CO_CHECK(story.check(counts.served > 0 && counts.wrong == 0 && counts.no_dns == 0,
                          "whoever was answered got the right bytes, and DNS always answered"));
  co_return story.check_time(out_of_dns, 99, 1500, "dead node out of DNS");
}

}  // namespace yz::cli
