// A crowd asks at once for one cold object over a slow origin: one fetch, and everybody streams while it is under way.
#include <fmt/format.h>

#include "cli/demo/story.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

struct Crowd {
  int whole = 0;
  int early = 0;  ///< had a first byte while the origin was still sending
  MonoTime origin_done;
};

io::Task<Status> one_viewer(Story& story, Endpoint edge, IpAddress client, std::string_view expected, Crowd& crowd) {
  YZ_CO_TRY(const Reply reply, co_await story.get(edge, "/slow/film.bin", client, expected));
  crowd.whole += reply.status == 200 && reply.matches ? 1 : 0;
  crowd.early += reply.first_byte < crowd.origin_done ? 1 : 0;
  co_return Status();
}

}  // namespace

io::Task<Status> step_crowd(Story& story) {
  story.title(4, "A crowd and a cold object");
  std::string film(story.size.crowd_file, '\0');
  for (std::size_t i = 0; i < film.size(); ++i) film[i] = static_cast<char>(i * 2654435761u >> 13);
  YZ_CO_CHECK(story.write_file("/slow/film.bin", film));
  constexpr std::uint64_t kSeconds = 4;
  story.slow_rate = story.size.crowd_file / kSeconds;
  YZ_CO_TRY(const Endpoint edge, co_await story.edge_for(story.host, story.unicom));
  Crowd crowd;
  const MonoTime start = SystemClock::instance().mono();
  crowd.origin_done = start + std::chrono::seconds(kSeconds);
  Together viewers(story.reactor);
  for (int i = 0; i < story.size.crowd; ++i) viewers.add(one_viewer(story, edge, story.unicom, film, crowd));
  YZ_CO_CHECK(co_await viewers.wait());
  story.slow_rate = 0;
  story.tell(
      fmt::format("{} viewers, {}, an origin that takes {} s: done after {}", story.size.crowd,
                  human_bytes(static_cast<double>(film.size())), kSeconds,
                  human_ms(std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - start).count())));
  YZ_CO_CHECK(story.check(crowd.whole == story.size.crowd, "every viewer got every byte"));
  YZ_CO_CHECK(story.check(crowd.early == story.size.crowd,
                          "every viewer had a first byte before the origin had sent its last"));
  const std::uint64_t fetches = story.origin.fetches_of("/slow/film.bin");
  story.summary.push_back(fmt::format("{} viewers, {} origin fetch", story.size.crowd, fetches));
  co_return story.check(fetches == 1, fmt::format("the origin was asked {} time(s)", fetches));
}

}  // namespace yz::cli
