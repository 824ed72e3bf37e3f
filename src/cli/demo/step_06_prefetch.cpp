// Prefetch: the very first viewer of a new file gets a hit.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/demo/story.h"
#include "cli/table.h"

namespace yz::cli {

using nlohmann::json;

io::Task<Status> step_prefetch(Story& story) {
  story.title(6, "Prefetch");
  constexpr int kFiles = 20;
  json urls = json::array();
  for (int i = 0; i < kFiles; ++i) {
    const std::string path = fmt::format("/launch/{}.txt", i);
    YZ_CO_CHECK(story.write_file(path, "fresh for the launch: " + path));
    urls.push_back(fmt::format("http://{}{}", story.host, path));
  }
  const MonoTime start = SystemClock::instance().mono();
  const json body = {{"urls", urls}};
  YZ_CO_TRY(json task, co_await story.cluster.api().post("/api/v1/prefetch", body));
  YZ_CO_TRY(task, co_await story.cluster.api().wait_for_task(task["id"].get<std::uint64_t>(),
                                                             std::chrono::milliseconds(5), std::chrono::seconds(30)));
  const double ms = std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - start).count();
  YZ_CO_CHECK(story.check(task.value("state", "") == "complete",
                          fmt::format("{} files are loaded into the nodes after {}", kFiles, human_ms(ms))));
  int hits = 0, fetches = 0;
  for (int i = 0; i < kFiles; ++i) {
    const std::string path = fmt::format("/launch/{}.txt", i);
    const std::string expected = "fresh for the launch: " + path;
    for (const IpAddress& client : {story.unicom, story.telecom}) {
      YZ_CO_TRY(const Endpoint edge, co_await story.edge_for(story.host, client));
      YZ_CO_TRY(const Reply reply, co_await story.get(edge, path, client, expected));
      hits += reply.is_hit() && reply.matches ? 1 : 0;
    }
    fetches += static_cast<int>(story.origin.fetches_of(path));
  }
  YZ_CO_CHECK(
      story.check(hits == 2 * kFiles,
                  fmt::format("the first request of each is a HIT in both cities ({} of {})", hits, 2 * kFiles)));
  co_return story.check(fetches == kFiles, "and the origin sent each once");
}

}  // namespace yz::cli
