#include <gtest/gtest.h>

#include "media/manifest.h"

namespace yz::media {
namespace {

using Urls = std::vector<std::string>;

Urls links(std::string_view text, std::string_view url = "https://v.a.com/film/index.m3u8?token=1") {
  const auto found = read_links(ManifestKind::kHls, text, url, 100);
  EXPECT_TRUE(found) << found.error().message;
  return found ? found->urls : Urls();
}

TEST(Playlist, AMasterLeadsToItsVariantsAndRenditions) {
  EXPECT_EQ(links("#EXTM3U\r\n"
                  "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x,URI=\",URI=\"audio/en.m3u8\",DEFAULT=YES\r\n"
                  "#EXT-X-STREAM-INF:BANDWIDTH=1280000,AUDIO=\"a\"\r\n"
                  "low/index.m3u8\r\n"
                  "#EXT-X-STREAM-INF:BANDWIDTH=7680000,AUDIO=\"a\"\r\n"
                  "/film/high/index.m3u8?q=1\r\n"
                  "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI=\"low/iframe.m3u8\"\r\n"
                  "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"//keys.a.com/k1\"\r\n"),
            (Urls{"https://v.a.com/film/audio/en.m3u8", "https://v.a.com/film/low/index.m3u8",
                  "https://v.a.com/film/high/index.m3u8?q=1", "https://v.a.com/film/low/iframe.m3u8",
                  "https://keys.a.com/k1"}));
}

TEST(Playlist, AMediaPlaylistLeadsToMapsKeysAndSegmentsEachOnce) {
  EXPECT_EQ(links("#EXTM3U\n#EXT-X-VERSION:7\n"
                  "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"720@0\"\n"
                  "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://one\"\n"
                  "#EXT-X-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,AAAA\"\n"
                  "#EXTINF:4,\n#EXT-X-BYTERANGE:1000@0\nall.mp4\n"
                  "#EXTINF:4,\n#EXT-X-BYTERANGE:1000@1000\nall.mp4\n"
                  "#EXTINF:4,a title\n\n../第 2.ts\n# a comment\n#EXT-X-ENDLIST\nlast.ts"),
            (Urls{"https://v.a.com/film/init.mp4", "https://v.a.com/film/all.mp4", "https://v.a.com/%E7%AC%AC%202.ts",
                  "https://v.a.com/film/last.ts"}));
}

TEST(Playlist, VariablesAreReplacedAndUnknownOnesLeaveTheirLineOut) {
  EXPECT_EQ(links("#EXTM3U\n#EXT-X-DEFINE:NAME=\"host\",VALUE=\"https://b.com\"\n"
                  "{$host}/1.ts\n{$nobody}/2.ts\n{$host/3.ts\n"),
            (Urls{"https://b.com/1.ts"}));
}

TEST(Playlist, WhatIsAskedForIsTheMost) {
  const auto found = read_links(ManifestKind::kHls, "#EXTM3U\n1.ts\n1.ts\n2.ts\n3.ts\n", "http://a/", 2);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->urls, (Urls{"http://a/1.ts", "http://a/2.ts"}));
  EXPECT_TRUE(found->is_cut);
}

TEST(Playlist, ALongBaseCannotBlowItUp) {
  std::string text = "#EXTM3U\n";
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i) + "\n";
  const auto found = read_links(ManifestKind::kHls, text, "http://a/" + std::string(7'000, 'x') + "/", 20'000);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_cut);
  EXPECT_EQ(found->urls.size(), 598U) << "4 MiB of them";
}

TEST(Playlist, OtherTextsAreRefused) {
  for (const char* text : {"", "<html>", "1.ts\n#EXTM3U\n", "#EXTM3U8\n"}) {
    EXPECT_FALSE(read_links(ManifestKind::kHls, text, "http://a/", 10)) << text;
  }
}

TEST(Playlist, VariablesCannotBlowItUp) {
  std::string text = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"v\",VALUE=\"" + std::string(1 << 20, 'x') + "\"\n";
  for (int i = 0; i < 100'000; ++i) text += "{$v}";
  EXPECT_EQ(links(text), Urls());
}

TEST(ManifestKindTest, TheTypeDecidesAndTheExtensionWhereItSaysNothing) {
  EXPECT_EQ(manifest_kind("application/vnd.apple.mpegurl; charset=utf-8", "/x"), ManifestKind::kHls);
  EXPECT_EQ(manifest_kind("Application/X-MpegURL", "/x"), ManifestKind::kHls);
  EXPECT_EQ(manifest_kind("application/dash+xml", "/x"), ManifestKind::kDash);
  EXPECT_EQ(manifest_kind("", "/a/index.M3U8?x=y.mpd"), ManifestKind::kHls);
  EXPECT_EQ(manifest_kind("text/plain", "/a/film.mpd"), ManifestKind::kDash);
  EXPECT_EQ(manifest_kind("text/html", "/a/index.m3u8"), std::nullopt) << "an error page";
  EXPECT_EQ(manifest_kind("", "/a/index"), std::nullopt);
}

}  // namespace
}  // namespace yz::media
