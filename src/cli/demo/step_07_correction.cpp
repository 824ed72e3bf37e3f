// A viewer at the wrong node is redirected once, to the right one, and served there.
#include <fmt/format.h>

#include "cli/demo/story.h"

namespace yz::cli {
io::Task<Status> step_correction(Story& story) {
  story.title(7, "A viewer at the wrong node");
  const std::string_view expected = "hello from the origin\n";
  YZ_CO_TRY(const Reply wrong,
            co_await story.get(story.cluster.edge(story.guangdong()), "/hello.txt", story.unicom, std::nullopt));
  story.tell(fmt::format("Beijing Unicom asks Guangdong: {} Location: {}", wrong.status, wrong.location));
  YZ_CO_CHECK(story.check(wrong.status == 302, "it is redirected"));
  YZ_CO_TRY(const RedirectTarget target, parse_location(wrong.location));
  YZ_CO_CHECK(story.check(target.edge == story.cluster.edge(story.beijing()), "to the Beijing node"));
  YZ_CO_TRY(const Reply right, co_await story.get(target.edge, target.path, story.unicom, expected));
  YZ_CO_CHECK(story.check(right.status == 200 && right.matches, "which serves it"));
  // Even a viewer that is wrong there, too, is not sent on: a redirected request is served where it arrives.
  YZ_CO_TRY(const Reply again, co_await story.get(target.edge, target.path, story.telecom, expected));
  YZ_CO_CHECK(story.check(again.status == 200 && again.matches, "a redirected request is never redirected again"));
  YZ_CO_TRY(const Reply home,
            co_await story.get(story.cluster.edge(story.guangdong()), "/hello.txt", story.telecom, expected));
  co_return story.check(home.status == 200, "a viewer at the right node is served at once");
}

}  // namespace yz::cli
