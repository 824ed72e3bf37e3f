// What control reports per domain equals what the viewers counted, to the request and to the byte.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/demo/story.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;

/// More than one answer of the load under which nodes are killed, with its head.
constexpr std::uint64_t kLargestAnswer = 16 * 1024;

struct Counted {
  std::uint64_t requests = 0, bytes_out = 0, bytes_in = 0;
};

io::Task<Result<Counted>> reported(Story& story, std::string host) {
  const WallTime now = SystemClock::instance().wall();
  const std::string path = fmt::format("/api/v1/usage?domain={}&step=1m&from={}&to={}", host,
                                       percent_encode(format_rfc3339(story.started - std::chrono::minutes(1))),
                                       percent_encode(format_rfc3339(now + std::chrono::minutes(2))));
  YZ_CO_TRY(const json usage, co_await story.cluster.api().get(path));
  const json& total = usage["total"];
  co_return Counted{total.value("requests", std::uint64_t{0}), total.value("bytes_out", std::uint64_t{0}),
                    total.value("bytes_in", std::uint64_t{0})};
}

/// Equal where no kill met a request; else at least what is beyond doubt and at most all that was sent.
bool agrees(const Counted& counted, const Ledger::Row& row) {
  const auto within = [](std::uint64_t value, std::uint64_t all, std::uint64_t doubtful, std::uint64_t cut) {
    return value >= all - doubtful && value <= all + cut;
  };
  // A response that was cut may have been counted with any part of its bytes.
  const std::uint64_t cut_out = row.cut == 0 ? 0 : row.cut * kLargestAnswer;
  return within(counted.requests, row.requests, row.doubtful, row.cut) &&
         within(counted.bytes_out, row.bytes_out, row.doubtful_out, cut_out) &&
         within(counted.bytes_in, row.bytes_in, row.doubtful_in, row.cut_sent);
}

io::Task<bool> all_agree(Story& story) {
  for (const auto& [host, row] : story.ledger.rows()) {
    const auto counted = co_await reported(story, host);
    if (!counted || !agrees(*counted, row)) co_return false;
  }
  co_return true;
}

}  // namespace

io::Task<Status> step_usage(Story& story) {
  story.title(10, "Usage");
  (void)co_await story.wait_until([&story] { return all_agree(story); }, std::chrono::seconds(15), "usage",
                                  std::chrono::milliseconds(100));
  bool all = true;
  Table table({"domain", "", "requests", "bytes out", "bytes in"});
  for (const auto& [host, row] : story.ledger.rows()) {
    YZ_CO_TRY(const Counted counted, co_await reported(story, host));
    table.add(
        {host, "viewers", std::to_string(row.requests), std::to_string(row.bytes_out), std::to_string(row.bytes_in)});
    table.add({"", "control", std::to_string(counted.requests), std::to_string(counted.bytes_out),
               std::to_string(counted.bytes_in)});
    if (row.cut > 0) table.add({"", "cut by the kills", std::to_string(row.cut), "-", "-"});
    if (row.doubtful > 0) {
      table.add({"", "of the viewers': met by a kill", std::to_string(row.doubtful), std::to_string(row.doubtful_out),
                 std::to_string(row.doubtful_in)});
    }
    all = all && agrees(counted, row);
  }
  const std::string text = table.text();
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) story.tell(line);
  }
  const Ledger::Row& main = story.ledger.rows().at(story.host);
  const bool exact_main = main.cut == 0 && main.doubtful == 0;
  YZ_CO_CHECK(
      story.check(exact_main, fmt::format("no kill met a request for {}, so its figures must be equal", story.host)));
  story.summary.emplace_back(all ? "usage exact" : "usage WRONG");
  co_return story.check(all,
                        "control's figures are the viewers', to the request and the byte; where a kill cut a request, "
                        "within what was cut");
}

}  // namespace yz::cli
