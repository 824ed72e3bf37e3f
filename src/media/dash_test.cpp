#include <gtest/gtest.h>

#include "media/manifest.h"

namespace yz::media {
namespace {

using Urls = std::vector<std::string>;

Result<ManifestLinks> read(std::string_view text, std::size_t most = 100) {
  return read_links(ManifestKind::kDash, text, "https://v.a.com/film/x.mpd", most);
}

Urls links(std::string_view text) {
  const auto found = read(text);
  EXPECT_TRUE(found) << found.error().message;
  return found ? found->urls : Urls();
}

TEST(Mpd, NumbersAreCountedOverThePeriod) {
  EXPECT_EQ(links(R"(<?xml version="1.0"?>
    <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9.5S">
      <Period><AdaptationSet>
        <SegmentTemplate timescale="1000" duration="4000" initialization="$RepresentationID$/i.mp4"/>
        <Representation id="v1" bandwidth="500000"><SegmentTemplate media="v1/$Number%03d$-$Bandwidth$.m4s" startNumber="7"/></Representation>
        <Representation id="v2" bandwidth="900000"><SegmentTemplate media="v2/$Number$$$.m4s"/></Representation>
      </AdaptationSet></Period>
    </MPD>)"),
            (Urls{"https://v.a.com/film/v1/i.mp4", "https://v.a.com/film/v1/007-500000.m4s",
                  "https://v.a.com/film/v1/008-500000.m4s", "https://v.a.com/film/v1/009-500000.m4s",
                  "https://v.a.com/film/v2/i.mp4", "https://v.a.com/film/v2/1$.m4s", "https://v.a.com/film/v2/2$.m4s",
                  "https://v.a.com/film/v2/3$.m4s"}));
}

TEST(Mpd, ATimelineGivesTimesAndRepeats) {
  EXPECT_EQ(
      links(R"(<MPD type="dynamic"><Period duration="PT10S"><AdaptationSet>
      <SegmentTemplate timescale="10" media="t$Time$_$Number$.m4s" startNumber="5" presentationTimeOffset="1000">
        <SegmentTimeline><S t="1000" d="20" r="1"/><S d="10"/><S t="1060" d="20" r="-1"/></SegmentTimeline>
      </SegmentTemplate><Representation id="a"/></AdaptationSet></Period></MPD>)"),
      (Urls{"https://v.a.com/film/t1000_5.m4s", "https://v.a.com/film/t1020_6.m4s", "https://v.a.com/film/t1040_7.m4s",
            "https://v.a.com/film/t1060_8.m4s", "https://v.a.com/film/t1080_9.m4s"}));
}

TEST(Mpd, ListsAndSingleFilesFollowTheirBaseUrls) {
  EXPECT_EQ(links(R"(<m:MPD xmlns:m="urn:x"><m:BaseURL>https://cdn.a.com/</m:BaseURL>
      <m:Period><m:BaseURL>p1/</m:BaseURL>
        <m:AdaptationSet><m:Representation id="1"><m:BaseURL>audio.mp4</m:BaseURL><m:SegmentBase indexRange="0-99"/></m:Representation></m:AdaptationSet>
        <m:AdaptationSet><m:SegmentList><m:Initialization sourceURL="i"/><m:SegmentURL media="s1"/><m:SegmentURL media="s2"/></m:SegmentList>
          <m:Representation id="2"/></m:AdaptationSet>
      </m:Period></m:MPD>)"),
            (Urls{"https://cdn.a.com/p1/audio.mp4", "https://cdn.a.com/p1/i", "https://cdn.a.com/p1/s1",
                  "https://cdn.a.com/p1/s2"}));
}

TEST(Mpd, ABaseUrlWithSpacesIsEscapedLikeAnyLink) {
  EXPECT_EQ(links("<MPD><BaseURL>my films/</BaseURL><Period><AdaptationSet><Representation><BaseURL>a b.mp4</BaseURL>"
                  "</Representation></AdaptationSet></Period></MPD>"),
            (Urls{"https://v.a.com/film/my%20films/a%20b.mp4"}));
}

TEST(Mpd, PeriodsEndWhereTheNextBegins) {
  EXPECT_EQ(links(R"(<MPD mediaPresentationDuration="PT1M">
      <Period id="1"><AdaptationSet><SegmentTemplate duration="20" media="a$Number$"/><Representation/></AdaptationSet></Period>
      <Period id="2" start="PT40S"><AdaptationSet><SegmentTemplate duration="20" media="b$Number$"/><Representation/></AdaptationSet></Period>
    </MPD>)"),
            (Urls{"https://v.a.com/film/a1", "https://v.a.com/film/a2", "https://v.a.com/film/b1"}));
}

TEST(Mpd, ALivePresentationWithoutATimelineHasNoEndToCountTo) {
  EXPECT_EQ(links(R"(<MPD type="dynamic"><Period><AdaptationSet>
      <SegmentTemplate duration="2" media="$Number$" initialization="i"/><Representation/></AdaptationSet></Period></MPD>)"),
            (Urls{"https://v.a.com/film/i"}));
}

TEST(Mpd, RepeatsAreCutAtTheMost) {
  for (const char* media : {"$Number$", "$Time$"}) {
    const auto found = read(std::string(R"(<MPD><Period><AdaptationSet><SegmentTemplate media=")") + media +
                            R"("><SegmentTimeline><S d="1" r="18446744073709551615"/><S d="1" r="99999999999"/>
      </SegmentTimeline></SegmentTemplate><Representation/></AdaptationSet></Period></MPD>)");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->urls.size(), 100U);
    EXPECT_TRUE(found->is_cut);
  }
}

TEST(Mpd, BrokenOnesAreRefusedWithTheirPlace) {
  EXPECT_EQ(read("<MPD><Period></MPD>").error().message, "line 1: mismatched tag");
  EXPECT_EQ(read("<rss/>").error().message, "not a media presentation description: its root is rss");
  EXPECT_FALSE(read(""));
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "<a>";
  EXPECT_EQ(read(deep).error().code, Code::kLimit);
}

TEST(Mpd, EntitiesAreNotTaken) {
  const auto found =
      read(R"(<!DOCTYPE MPD [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><MPD><BaseURL>&b;</BaseURL></MPD>)");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "a document type is not taken");
}

}  // namespace
}  // namespace yz::media
