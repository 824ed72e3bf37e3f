#include <algorithm>
#include <map>

#include "edge/testing_large.h"

namespace yz::edge::testing {
namespace {

constexpr std::uint64_t kSlice = 64 * 1024;

/// One range-spec as it was asked for, and what it selects: worked out here by hand, apart from the code under test.
struct Spec {
  std::string text;
  std::optional<http::ByteRange> selects;
};

Spec random_spec(Random& random, std::uint64_t size) {
  const std::uint64_t edge = random.below(size / kSlice + 2) * kSlice;  // near the seams of slices, and beyond the end
  const std::uint64_t first = random.below(3) == 0 ? random.below(size + 1000) : edge - std::min(edge, random.below(3));
  const std::uint64_t length = random.below(2) == 0 ? 1 + random.below(100) : 1 + random.below(5 * kSlice);
  switch (random.below(4)) {
    case 0: {
      const std::uint64_t suffix = random.below(size + size / 4);
      const std::uint64_t from = suffix > size ? 0 : size - suffix;
      const std::string text = "-" + std::to_string(suffix);
      return {text, suffix == 0 ? std::nullopt : std::optional(http::ByteRange{from, size - 1})};
    }
    case 1:
      return {std::to_string(first) + "-",
              first < size ? std::optional(http::ByteRange{first, size - 1}) : std::nullopt};
    default:
      return {std::to_string(first) + "-" + std::to_string(first + length - 1),
              first < size ? std::optional(http::ByteRange{first, std::min(first + length, size) - 1}) : std::nullopt};
  }
}

/// The bytes each part of a multipart/byteranges body brings, by offset.
std::map<std::uint64_t, std::string> parts_of(const Reply& reply) {
  std::map<std::uint64_t, std::string> parts;
  const std::string type = reply.field("Content-Type");
  const std::string delimiter = "\r\n--" + type.substr(type.find("boundary=") + 9);
  std::size_t at = reply.body.find(delimiter);
  while (at != std::string::npos && reply.body.compare(at + delimiter.size(), 2, "--") != 0) {
    const std::size_t body = reply.body.find("\r\n\r\n", at) + 4;
    const std::size_t field = reply.body.find("Content-Range: bytes ", at);
    if (field == std::string::npos || field > body) return {};
    const std::size_t next = reply.body.find(delimiter, body);
    parts[std::stoull(reply.body.substr(field + 21))] = reply.body.substr(body, next - body);
    at = next;
  }
  return parts;
}

/// The same bytes once, whatever overlapped: first → last.
std::map<std::uint64_t, std::uint64_t> united(std::vector<http::ByteRange> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::map<std::uint64_t, std::uint64_t> out;
  std::uint64_t open = 0;
  for (const http::ByteRange& range : ranges) {
    if (!out.empty() && range.first <= out[open] + 1) {
      out[open] = std::max(out[open], range.last);
    } else {
      open = range.first;
      out[open] = range.last;
    }
  }
  return out;
}

void expect_right(const LargeOrigin& origin, const std::vector<Spec>& specs, bool condition_holds, const Reply& reply,
                  const std::string& what) {
  std::vector<http::ByteRange> selected;
  for (const Spec& spec : specs) {
    if (spec.selects) selected.push_back(*spec.selects);
  }
  // Of a body that is still arriving several ranges at once are not picked: the client is given all of it.
  const bool is_arriving = specs.size() > 1 && !reply.is_hit() && reply.status == 200;
  if (!condition_holds || specs.empty() || is_arriving) {
    ASSERT_EQ(reply.status, 200) << what;
    ASSERT_EQ(reply.body.size(), origin.size()) << what;
    ASSERT_TRUE(origin.content().holds(0, reply.body)) << what;
    return;
  }
  if (selected.empty()) {
    ASSERT_EQ(reply.status, 416) << what << reply.head;
    ASSERT_EQ(reply.field("Content-Range"), "bytes */" + std::to_string(origin.size())) << what;
    return;
  }
  ASSERT_EQ(reply.status, 206) << what << reply.head;
  ASSERT_EQ(reply.field("Content-Length"), std::to_string(reply.body.size())) << what;
  const auto expected = united(selected);
  if (expected.size() == 1) {
    const http::ByteRange range{expected.begin()->first, expected.begin()->second};
    ASSERT_EQ(reply.field("Content-Range"), http::content_range(range, origin.size())) << what;
    ASSERT_EQ(reply.body.size(), range.length()) << what;
    ASSERT_TRUE(origin.content().holds(range.first, reply.body)) << what;
    return;
  }
  const auto parts = parts_of(reply);
  std::vector<http::ByteRange> given;
  for (const auto& [first, text] : parts) {
    ASSERT_FALSE(text.empty()) << what;
    ASSERT_TRUE(origin.content().holds(first, text)) << what;
    given.push_back({first, first + text.size() - 1});
  }
  ASSERT_EQ(united(given), expected) << what;
}

/// Random requests against an edge with little memory and an origin that misbehaves, each compared with what the bytes
/// must be.
void compare_at_random(std::uint64_t seed, std::uint64_t size, int rounds) {
  Random random(seed);
  LargeOrigin origin(size);
  Options options = options_before(origin.endpoint());
  options.memory = mib(8);  // less than two objects: slices come and go
  options.slice_size = {kSlice};
  options.slice_above = {4 * kSlice};
  const auto edge = start_edge(std::move(options));
  for (int round = 0; round < rounds; ++round) {
    origin.ways.cuts_after = random.below(4) == 0 ? 1 + random.below(3 * kSlice) : 0;
    origin.ways.cuts_left = 2;  // each answer is carried on more often than that
    origin.ways.honours_range = random.below(8) != 0;
    const std::string target = "/" + std::to_string(random.below(3));
    if (random.below(12) == 0) ASSERT_TRUE(edge->purge_locally(model::PurgeKind::kUrl, "a.test", target, true));
    std::vector<Spec> specs;
    const std::uint64_t count = random.below(3) == 0 ? random.below(5) : 1;
    std::string fields;
    for (std::uint64_t i = 0; i < count; ++i) {
      specs.push_back(random_spec(random, size));
      fields += (i == 0 ? "Range: bytes=" : ", ") + specs.back().text;
    }
    if (!specs.empty()) fields += "\r\n";
    const std::uint64_t condition = specs.empty() ? 0 : random.below(5);
    if (condition == 1) fields += "If-Range: \"v0\"\r\n";
    if (condition == 2) fields += "If-Range: \"older\"\r\n";
    const Reply reply = ask(edge->listening()[0], "GET", target, fields);
    const std::string what = "seed " + std::to_string(seed) + " round " + std::to_string(round) + ": " + fields;
    expect_right(origin, specs, condition != 2, reply, what);
    if (::testing::Test::HasFatalFailure()) return;
    const auto stats = edge->store().stats();
    ASSERT_LE(stats.memory_used, stats.memory_limit);
  }
}

TEST(SliceRanges, RandomRequestsGiveExactlyTheBytesAskedFor) {
  const std::uint64_t sizes[] = {3'000'017, 10 * kSlice, 10 * kSlice + 1, kSlice, 1000};
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    compare_at_random(seed, sizes[seed - 1], 60);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace yz::edge::testing
