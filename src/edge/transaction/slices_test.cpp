#include <algorithm>
#include <future>

#include "edge/testing_large.h"

namespace yz::edge::testing {
namespace {

constexpr std::uint64_t kSlice = 64 * 1024;

Options sliced_options(const Endpoint& origin) {
  Options options = options_before(origin);
  options.memory = mib(16);
  options.slice_size = {kSlice};
  options.slice_above = {4 * kSlice};
  return options;
}

std::string bytes(std::uint64_t first, std::uint64_t last) {
  return "bytes=" + std::to_string(first) + "-" + std::to_string(last);
}

std::string range_field(std::uint64_t first, std::uint64_t last) { return "Range: " + bytes(first, last) + "\r\n"; }

/// An edge that cuts large objects into slices of 64 KiB, before an origin of one such object.
class Slices : public ::testing::Test {
 protected:
  void start(std::uint64_t size, std::string etag = "\"v\"", std::string cache_control = "max-age=3600") {
    origin_ = std::make_unique<LargeOrigin>(size, std::move(etag), std::move(cache_control));
    edge_ = start_edge(sliced_options(origin_->endpoint()));
  }
  [[nodiscard]] Reply get(std::string_view fields = "", std::string_view target = "/f") {
    return ask(edge_->listening()[0], "GET", target, fields);
  }
  /// Checks a 206 of one range.
  void expect_part(const Reply& reply, std::uint64_t first, std::uint64_t last) {
    EXPECT_EQ(reply.status, 206) << reply.head;
    EXPECT_EQ(reply.field("Content-Range"), http::content_range({first, last}, origin_->size()));
    EXPECT_EQ(reply.body.size(), last - first + 1);
    EXPECT_TRUE(origin_->content().holds(first, reply.body));
  }
  void expect_whole(const Reply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.head;
    EXPECT_EQ(reply.body.size(), origin_->size());
    EXPECT_TRUE(origin_->content().holds(0, reply.body));
  }

  std::unique_ptr<LargeOrigin> origin_;
  std::unique_ptr<EdgeServer> edge_;
};

TEST_F(Slices, ARangeOfAnUnknownObjectFetchesItsSlicesAndNoMore) {
  start(40 * kSlice + 17);
  const Reply cold = get(range_field(10 * kSlice + 5, 11 * kSlice + 5));
  expect_part(cold, 10 * kSlice + 5, 11 * kSlice + 5);
  EXPECT_NE(cold.field("Cache-Status").find("fwd=uri-miss; fwd-status=206; stored"), std::string::npos) << cold.head;
  EXPECT_EQ(origin_->ranges(), std::vector{bytes(10 * kSlice, 12 * kSlice - 1)});
  const Reply hit = get(range_field(11 * kSlice, 12 * kSlice - 1));
  expect_part(hit, 11 * kSlice, 12 * kSlice - 1);
  EXPECT_TRUE(hit.is_hit()) << hit.head;
  EXPECT_EQ(origin_->requests(), 1);
  // One of its three slices is missing.
  const Reply partial = get(range_field(10 * kSlice, 13 * kSlice - 1));
  expect_part(partial, 10 * kSlice, 13 * kSlice - 1);
  EXPECT_NE(partial.field("Cache-Status").find("fwd=partial"), std::string::npos) << partial.head;
  EXPECT_EQ(origin_->ranges().back(), bytes(12 * kSlice, 13 * kSlice - 1));
  EXPECT_EQ(origin_->last_field("If-Range"), "\"v0\"");
  EXPECT_EQ(origin_->requests(), 2);
}

TEST_F(Slices, AWholeLargeAnswerIsKeptInSlicesAsItStreams) {
  start(30 * kSlice + 1);
  expect_whole(get());
  EXPECT_EQ(edge_->store().stats().objects, 32U);  // 31 slices and their root
  const Reply again = get();
  expect_whole(again);
  EXPECT_TRUE(again.is_hit()) << again.head;
  expect_part(get("Range: bytes=-100\r\n"), origin_->size() - 100, origin_->size() - 1);
  const Reply head = ask(edge_->listening()[0], "HEAD", "/f");
  EXPECT_EQ(head.field("Content-Length"), std::to_string(origin_->size()));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(get("If-None-Match: \"v0\"\r\n").status, 304);
  const Reply none = get(range_field(origin_->size(), origin_->size() + 5));
  EXPECT_EQ(none.status, 416);
  EXPECT_EQ(none.field("Content-Range"), "bytes */" + std::to_string(origin_->size()));
  EXPECT_EQ(origin_->requests(), 1);
}

TEST_F(Slices, SmallObjectsStayWholeHoweverTheyAreAskedFor) {
  start(kSlice - 1);
  expect_part(get(range_field(100, 199)), 100, 199);
  EXPECT_EQ(edge_->store().stats().objects, 1U);
  const Reply whole = get();
  expect_whole(whole);
  EXPECT_TRUE(whole.is_hit());
  EXPECT_EQ(origin_->requests(), 1);
}

TEST_F(Slices, IfRangeDecidesBetweenPartAndWhole) {
  start(8 * kSlice);
  expect_part(get(range_field(5, 9) + "If-Range: \"v0\"\r\n"), 5, 9);
  expect_whole(get(range_field(5, 9) + "If-Range: \"other\"\r\n"));
  expect_whole(get(range_field(5, 9) + "If-Range: W/\"v0\"\r\n"));
}

TEST_F(Slices, AnOriginThatIgnoresRangeIsReadOnceForAllWhoComeMeanwhile) {
  start(60 * kSlice + 5);
  origin_->ways.honours_range = false;
  std::vector<std::future<Reply>> replies;
  for (const std::uint64_t slice : {50, 3, 58, 50, 20}) {
    replies.push_back(
        std::async(std::launch::async, [this, slice] { return get(range_field(slice * kSlice, slice * kSlice + 9)); }));
  }
  for (auto& reply : replies) {
    const Reply got = reply.get();
    EXPECT_EQ(got.status, 206) << got.head << got.body;
    EXPECT_TRUE(origin_->content().holds(std::stoull(got.field("Content-Range").substr(6)), got.body));
    EXPECT_EQ(got.body.size(), 10U);
  }
  EXPECT_LE(origin_->requests(), 2);
  const int before = origin_->requests();
  expect_part(get(range_field(20 * kSlice, 20 * kSlice + 9)), 20 * kSlice, 20 * kSlice + 9);
  EXPECT_EQ(origin_->requests(), before);
}

TEST_F(Slices, AnOriginThatLiesAboutItsRangesIsAskedForTheWhole) {
  for (const char* lie : {"shift", "multipart", "total"}) {
    start(12 * kSlice);
    origin_->ways.shifts_range = std::string_view(lie) == "shift";
    origin_->ways.makes_multipart = std::string_view(lie) == "multipart";
    if (std::string_view(lie) == "total") {
      expect_part(get(range_field(0, 9)), 0, 9);
      origin_->ways.adds_to_total = 5;
    }
    const Reply reply = get(range_field(7 * kSlice + 3, 7 * kSlice + 12));
    if (std::string_view(lie) == "total") {
      // Another length is another version; what it says of itself cannot be disproved.
      EXPECT_EQ(reply.status, 206) << lie << reply.head;
      EXPECT_TRUE(origin_->content().holds(7 * kSlice + 3, reply.body));
      continue;
    }
    expect_part(reply, 7 * kSlice + 3, 7 * kSlice + 12);
    EXPECT_EQ(origin_->ranges().back(), "") << lie;
  }
}

TEST_F(Slices, AVersionThatChangedBetweenSlicesIsHealedBeforeTheFirstByte) {
  start(20 * kSlice);
  expect_part(get(range_field(0, 9)), 0, 9);
  origin_->ways.version = 1;
  expect_part(get(range_field(5 * kSlice, 5 * kSlice + 9)), 5 * kSlice, 5 * kSlice + 9);
  // The slice of the old version is not found any more.
  expect_part(get(range_field(0, 9)), 0, 9);
}

TEST_F(Slices, VersionsAreNeverMixedInOneAnswer) {
  start(20 * kSlice);
  expect_part(get(range_field(0, 4 * kSlice - 1)), 0, 4 * kSlice - 1);
  origin_->ways.version = 1;
  // Its first slices are stored, so bytes of the old version go out; then there are no more of them.
  const Reply cut = get();
  EXPECT_LE(cut.body.size(), 4 * kSlice);
  EXPECT_TRUE(origin_->content(0).holds(0, cut.body));
  expect_whole(get());
}

TEST_F(Slices, AnOriginThatIgnoresIfRangeDoesNotMixVersionsEither) {
  start(20 * kSlice);
  origin_->ways.honours_if_range = false;
  expect_part(get(range_field(0, kSlice - 1)), 0, kSlice - 1);
  origin_->ways.version = 1;
  const Reply cut = get(range_field(0, 3 * kSlice - 1));
  EXPECT_LE(cut.body.size(), kSlice);
  EXPECT_TRUE(origin_->content(0).holds(0, cut.body));
  expect_part(get(range_field(0, 3 * kSlice - 1)), 0, 3 * kSlice - 1);
}

TEST_F(Slices, ABodyThatBreaksOffIsCarriedOn) {
  start(20 * kSlice);
  origin_->ways.cuts_after = 5 * kSlice + 100;
  expect_whole(get());
  EXPECT_EQ(origin_->last_field("If-Range"), "\"v0\"");
  EXPECT_EQ(origin_->ranges()[1].substr(0, 6), "bytes=");
  EXPECT_GE(origin_->requests(), 4);
  EXPECT_TRUE(get().is_hit());
}

TEST_F(Slices, ASmallBodyThatBreaksOffIsCarriedOnToo) {
  start(3 * kSlice);
  origin_->ways.cuts_after = kSlice + 100;
  expect_whole(get());
  EXPECT_EQ(edge_->store().stats().objects, 1U);
  EXPECT_GE(origin_->requests(), 2);
}

TEST_F(Slices, ABodyThatBreaksOffAndThenChangesIsNotFinished) {
  for (const std::uint64_t slices : {3, 20}) {
    start(slices * kSlice);
    origin_->ways.cuts_after = kSlice + 100;
    origin_->ways.cuts_left = 1;
    origin_->ways.changes_after = 1;
    const Reply cut = get();
    EXPECT_LT(cut.body.size(), origin_->size());
    EXPECT_TRUE(cut.status == 502 || origin_->content(0).holds(0, cut.body)) << cut.head;
    expect_whole(get());  // healed
  }
}

TEST_F(Slices, AnOriginThatIgnoresRangeIsCarriedOnFromItsStart) {
  start(12 * kSlice);
  origin_->ways.honours_range = false;
  origin_->ways.cuts_after = 5 * kSlice + 9;
  origin_->ways.cuts_left = 2;
  expect_whole(get());
}

TEST_F(Slices, WhatHasNoStrongValidatorIsKeptWhole) {
  for (const char* etag : {"W/\"v\"", ""}) {
    start(12 * kSlice, etag);
    expect_part(get(range_field(5 * kSlice, 5 * kSlice + 9)), 5 * kSlice, 5 * kSlice + 9);
    expect_whole(get());
    EXPECT_EQ(edge_->store().stats().objects, 1U);
  }
}

TEST_F(Slices, LastModifiedWillDoWhenItIsStrong) {
  origin_ = std::make_unique<LargeOrigin>(12 * kSlice, "");
  origin_->extra_fields = "Last-Modified: Mon, 05 Jan 2015 10:00:00 GMT";
  edge_ = start_edge(sliced_options(origin_->endpoint()));
  expect_part(get(range_field(5 * kSlice, 5 * kSlice + 9)), 5 * kSlice, 5 * kSlice + 9);
  EXPECT_EQ(edge_->store().stats().objects, 2U);
  expect_part(get(range_field(0, 9)), 0, 9);
  EXPECT_EQ(origin_->requests(), 2);
}

TEST_F(Slices, AnswersThatAreNotToBeSharedGoToEachViewer) {
  start(12 * kSlice, "\"v\"", "private");
  for (int i = 0; i < 3; ++i)
    expect_part(get(range_field(5 * kSlice + 3, 5 * kSlice + 9)), 5 * kSlice + 3, 5 * kSlice + 9);
  EXPECT_EQ(origin_->ranges().back(), bytes(5 * kSlice + 3, 5 * kSlice + 9));
  EXPECT_EQ(edge_->store().stats().objects, 0U);
}

TEST_F(Slices, ARangeBeyondTheEndOfAnUnknownObjectIsTheOriginsToRefuse) {
  start(5 * kSlice);
  const Reply none = get(range_field(9 * kSlice, 9 * kSlice + 5));
  EXPECT_EQ(none.status, 416);
  EXPECT_EQ(none.field("Content-Range"), "bytes */" + std::to_string(origin_->size()));
  EXPECT_EQ(origin_->requests(), 1);
  expect_whole(get());
}

TEST_F(Slices, AFailingOriginIsABadGatewayAndWhatIsStoredStillServed) {
  start(12 * kSlice);
  expect_part(get(range_field(0, 2 * kSlice - 1)), 0, 2 * kSlice - 1);
  origin_->ways.status = 503;
  expect_part(get(range_field(0, 2 * kSlice - 1)), 0, 2 * kSlice - 1);
  EXPECT_EQ(get(range_field(3 * kSlice, 3 * kSlice + 9)).status, 502);
  origin_->ways.status = 404;  // it is gone: the answer is the origin's
  EXPECT_EQ(get(range_field(3 * kSlice, 3 * kSlice + 9)).status, 404);
}

TEST_F(Slices, OneConditionalRequestRefreshesAllSlices) {
  start(12 * kSlice, "\"v\"", "max-age=0");
  expect_whole(get());
  const std::uint64_t sent = origin_->bytes_sent();
  for (int i = 0; i < 3; ++i) expect_whole(get());
  EXPECT_EQ(origin_->bytes_sent(), sent);
  EXPECT_EQ(origin_->requests(), 4);
  expect_part(get(range_field(7, 9)), 7, 9);
  EXPECT_EQ(origin_->bytes_sent(), sent);
  origin_->ways.version = 1;
  expect_whole(get());
}

TEST_F(Slices, VariantsHaveSlicesOfTheirOwn) {
  origin_ = std::make_unique<LargeOrigin>(12 * kSlice);
  origin_->extra_fields = "Vary: Accept-Language";
  edge_ = start_edge(sliced_options(origin_->endpoint()));
  for (int i = 0; i < 2; ++i) {
    for (const char* language : {"de", "fr"}) {
      const std::string fields = "Accept-Language: " + std::string(language) + "\r\n" + range_field(5, kSlice + 5);
      const Reply reply = get(fields);
      expect_part(reply, 5, kSlice + 5);
      EXPECT_EQ(reply.is_hit(), i == 1) << reply.head;
    }
  }
  EXPECT_EQ(origin_->requests(), 2);
  EXPECT_EQ(edge_->store().stats().objects, 6U);  // two roots of two slices
  ASSERT_TRUE(edge_->purge_locally(model::PurgeKind::kUrl, "a.test", "/f", true));
  EXPECT_FALSE(get("Accept-Language: de\r\n" + range_field(5, kSlice + 5)).is_hit());
}

TEST_F(Slices, EveryKindOfPurgeHitsTheRootAndAllSlices) {
  struct Kind {
    model::PurgeKind kind;
    const char* key;
  };
  const Kind kinds[] = {{model::PurgeKind::kUrl, "/d/f"},
                        {model::PurgeKind::kDirectory, "/d/"},
                        {model::PurgeKind::kTag, "film"},
                        {model::PurgeKind::kHost, ""},
                        {model::PurgeKind::kAll, ""}};
  for (const bool is_hard : {true, false}) {
    for (const Kind& kind : kinds) {
      origin_ = std::make_unique<LargeOrigin>(6 * kSlice, "\"v\"");
      origin_->extra_fields = "Cache-Tag: film";
      edge_ = start_edge(sliced_options(origin_->endpoint()));
      expect_whole(get("", "/d/f"));
      // The origin gives new bytes under the old tag: only the purge tells.
      origin_->ways.version = is_hard ? 1 : 0;
      const std::string host = kind.kind == model::PurgeKind::kAll ? "" : "a.test";
      ASSERT_TRUE(edge_->purge_locally(kind.kind, host, kind.key, is_hard));
      EXPECT_TRUE(eventually([&] { return origin_->bytes_sent() == 6 * kSlice; })) << "it counts after sending";
      const std::uint64_t sent = origin_->bytes_sent();
      for (const std::uint64_t slice : {4, 0, 2}) {
        const Reply part = get(range_field(slice * kSlice, slice * kSlice + 99), "/d/f");
        expect_part(part, slice * kSlice, slice * kSlice + 99);
      }
      // Softly purged slices live on once their root is validated.
      const std::uint64_t expected = is_hard ? 3 * kSlice : 0;
      EXPECT_TRUE(eventually([&] { return origin_->bytes_sent() - sent == expected; }));
    }
  }
}

TEST_F(Slices, SlicesOnTheirWayWhenAPurgeComesAreNotKept) {
  start(40 * kSlice);
  io::Reactor reactor;
  const auto slow = [&]() -> io::Task<std::string> {
    auto stream = co_await io::connect(edge_->listening()[0], reactor.in(std::chrono::seconds(5)));
    if (!stream) co_return "";
    (void)co_await stream->write_all("GET /f HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
                                     std::chrono::seconds(5));
    std::string text = co_await net::testing::read_up_to(*stream, 1000);
    EXPECT_TRUE(edge_->purge_locally(model::PurgeKind::kUrl, "a.test", "/f", true));
    origin_->ways.version = 1;
    text += co_await net::testing::read_up_to(*stream, SIZE_MAX);
    co_return text;
  };
  const Reply old = parse_reply(reactor.block_on(slow()));
  EXPECT_TRUE(origin_->content(0).holds(0, old.body));  // whole or cut, but of one version
  for (int i = 0; i < 3; ++i) expect_whole(get());
}

TEST_F(Slices, TheOriginIsReadOnlyAsFastAsTheFastestViewer) {
  start(200 * kSlice);
  io::Reactor reactor;
  const auto stalled = [&]() -> io::Task<void> {
    auto stream = co_await io::connect(edge_->listening()[0], reactor.in(std::chrono::seconds(5)));
    if (!stream) co_return;
    (void)co_await stream->write_all("GET /f HTTP/1.1\r\nHost: a.test\r\n\r\n", std::chrono::seconds(5));
    (void)co_await net::testing::read_up_to(*stream, 100);
    std::uint64_t last = 0;
    for (int i = 0; i < 20; ++i) {
      last = origin_->bytes_sent();
      co_await io::sleep_for(std::chrono::milliseconds(25));
    }
    EXPECT_EQ(origin_->bytes_sent(), last);
    EXPECT_LT(last, origin_->size() - 10 * kSlice);
    stream->reset_connection();
  };
  reactor.block_on(stalled());
}

}  // namespace
}  // namespace yz::edge::testing
