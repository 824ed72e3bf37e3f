// Files change at the origin and are refreshed by URL, directory and tag: afterwards no node serves an old byte, also
// not from a fill that was under way. Then how fast: many refreshes, each acknowledged by all nodes.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/demo/story.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

/// Both cities ask for a path; every byte must be the new one.
io::Task<Status> check_everywhere(Story& story, std::string path, std::string expected, std::string claim) {
  bool right = true;
  for (const PlannedNode* node : {&story.beijing(), &story.guangdong()}) {
    const IpAddress client = node == &story.beijing() ? story.unicom : story.telecom;
    YZ_CO_TRY(const Reply reply, co_await story.get(story.cluster.edge(*node), path, client, expected));
    right = right && reply.status == 200 && reply.matches;
  }
  if (claim.empty() && right) co_return Status();
  co_return story.check(right, claim.empty() ? fmt::format("no node serves old bytes of {}", path) : claim);
}

io::Task<Status> one_kind(Story& story, std::string what, std::vector<std::string> paths, json body) {
  Samples time;
  for (const std::string& path : paths) {
    YZ_CO_CHECK(story.write_file(path, "old " + path));
    YZ_CO_CHECK(co_await check_everywhere(story, path, "old " + path, ""));
    YZ_CO_CHECK(story.write_file(path, "new and longer " + path));
  }
  YZ_CO_TRY(const json task, co_await story.refresh(std::move(body), time));
  for (const std::string& path : paths)
    YZ_CO_CHECK(co_await check_everywhere(story, path, "new and longer " + path, ""));
  co_return story.check(task["progress"].value("done", 0) == static_cast<int>(story.cluster.plan().nodes.size()),
                        fmt::format("by {}: all {} nodes after {}; then only new bytes", what,
                                    task["progress"].value("done", 0), human_ms(time.percentile(100))));
}

io::Task<Status> old_reader(Story& story, std::string_view expected, bool& right) {
  YZ_CO_TRY(const Reply reply,
            co_await story.get(story.cluster.edge(story.beijing()), "/slow/flight.bin", story.unicom, expected));
  right = reply.status == 200 && reply.matches;
  co_return Status();
}

/// The origin is slowly sending an old file when it is replaced and refreshed.
io::Task<Status> in_flight(Story& story) {
  const std::string before(4 << 20, 'o');
  const std::string after(1 << 20, 'n');
  YZ_CO_CHECK(story.write_file("/slow/flight.bin", before));
  story.slow_rate = 2 << 20;
  bool old_right = false;
  Together reader(story.reactor);
  reader.add(old_reader(story, before, old_right));
  YZ_CO_CHECK(co_await story.wait_until(
      [&story]() -> io::Task<bool> { co_return story.origin.fetches_of("/slow/flight.bin") >= 1; },
      std::chrono::seconds(5), "the fill to begin"));
  co_await io::sleep_for(std::chrono::milliseconds(300));
  YZ_CO_CHECK(story.write_file("/slow/flight.bin", after));
  Samples time;
  const json body = {{"urls", {fmt::format("http://{}/slow/flight.bin", story.host)}}};
  YZ_CO_TRY([[maybe_unused]] const json task, co_await story.refresh(body, time));
  story.slow_rate = 0;
  YZ_CO_CHECK(co_await check_everywhere(story, "/slow/flight.bin", after,
                                        "while an old fill is under way, new viewers get the new file"));
  YZ_CO_CHECK(co_await reader.wait());
  YZ_CO_CHECK(story.check(old_right, "the viewer that had begun with the old file got all of it"));
  co_return co_await check_everywhere(story, "/slow/flight.bin", after, "and when that fill has ended it is not kept");
}

io::Task<Status> measure(Story& story) {
  Samples samples;
  for (int i = 0; i < story.size.refreshes; ++i) {
    const std::string path = fmt::format("/refresh/{}.txt", i % 20);
    const std::string content = fmt::format("version {} of {}", i, path);
    YZ_CO_CHECK(story.write_file(path, content));
    const json body = {{"urls", {fmt::format("http://{}{}", story.host, path)}}};
    YZ_CO_TRY([[maybe_unused]] const json task, co_await story.refresh(body, samples));
    YZ_CO_CHECK(co_await check_everywhere(story, path, content, ""));
  }
  co_return story.check_time(samples, 99, 50, "refresh acknowledged by all nodes");
}

}  // namespace

io::Task<Status> step_refresh(Story& story) {
  story.title(5, "Refresh");
  const json by_url = {{"urls", {fmt::format("http://{}/change/one.txt", story.host)}}};
  const std::vector<std::string> one = {"/change/one.txt"};
  YZ_CO_CHECK(co_await one_kind(story, "URL", one, by_url));
  const json by_directory = {{"directories", {fmt::format("http://{}/change/dir/", story.host)}}};
  const std::vector<std::string> below = {"/change/dir/a.txt", "/change/dir/b/c.txt"};
  YZ_CO_CHECK(co_await one_kind(story, "directory", below, by_directory));
  const json by_tag = {{"tags", json::array({{{"domain", story.host}, {"tag", "news"}}})}};
  const std::vector<std::string> tagged = {"/news/a.txt", "/news/deep/b.txt"};
  YZ_CO_CHECK(co_await one_kind(story, "tag", tagged, by_tag));
  YZ_CO_CHECK(co_await in_flight(story));
  co_return co_await measure(story);
}

}  // namespace yz::cli
