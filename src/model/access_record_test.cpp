#include "model/access_record.h"

#include <vector>

#include <gtest/gtest.h>

#include "model/access_spool.h"

namespace yz::model {
namespace {

AccessRecord sample() {
  AccessRecord r;
  r.ended = WallTime(std::chrono::milliseconds(1'763'700'000'123));
  r.domain = DomainId{7};
  r.client = *IpAddress::parse("2001:db8::1");
  r.status = 206;
  r.cache = CacheResult::kStale;
  r.protocol = Protocol::kHttp2;
  r.is_tls = true;
  r.country = 'C' << 8 | 'N';
  r.bytes_out = 1ULL << 40;
  r.bytes_in = 321;
  r.duration_us = 5'000'000'000;
  r.first_byte_us = 77;
  r.method = "GET";
  r.host = "www.a.com";
  r.target = "/a?b=c";
  r.referer = "http://r/";
  r.agent = "curl";
  r.province = "guangdong";
  r.isp = "telecom";
  return r;
}

std::string encoded(const AccessRecord& record) {
  std::string out(kMaxAccessRecord, '\0');
  out.resize(encode(record, out));
  return out;
}

TEST(AccessRecord, ComesBackAsItWasWritten) {
  AccessRecord v4 = sample();
  v4.client = IpAddress::v4(0x01020304);
  AccessRecord bare;
  const std::string bytes = encoded(sample()) + encoded(v4) + encoded(bare);
  AccessRecordReader reader(bytes);
  for (const AccessRecord& wanted : {sample(), v4, bare}) {
    const auto read = reader.next();
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, wanted);
  }
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.is_damaged());
  EXPECT_EQ(reader.read(), bytes.size());
}

TEST(AccessRecord, TextsBeyondTheirBoundsAreCut) {
  AccessRecord r = sample();
  const std::string much(100'000, 'x');
  r.method = r.host = r.target = r.referer = r.agent = r.province = r.isp = much;
  const std::string bytes = encoded(r);
  ASSERT_FALSE(bytes.empty());
  const auto read = AccessRecordReader(bytes).next();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->target.size(), kMaxLoggedTarget);
  EXPECT_EQ(read->agent.size(), kMaxLoggedField);
}

TEST(AccessRecord, NothingIsWrittenWhereThereIsNoRoom) {
  const std::string whole = encoded(sample());
  std::string less(whole.size() - 1, '\0');
  EXPECT_EQ(encode(sample(), less), 0U);
  std::string just(whole.size(), '\0');
  EXPECT_EQ(encode(sample(), just), whole.size());
}

TEST(AccessRecord, EveryFlippedByteAndEveryCutIsFound) {
  const std::string bytes = encoded(sample());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x41);
    AccessRecordReader flipped(bad);
    EXPECT_FALSE(flipped.next()) << i;
    EXPECT_TRUE(flipped.is_damaged()) << i;
    AccessRecordReader cut(std::string_view(bytes).substr(0, i));
    EXPECT_FALSE(cut.next());
    EXPECT_EQ(cut.is_damaged(), i > 0) << i;
  }
}

TEST(AccessLine, HasItsColumnsInOrder) {
  std::string line;
  append_line(line, sample(), NodeId{3});
  EXPECT_EQ(line,
            "2025-11-21T04:40:00.123Z\t2001:db8::1\tGET\thttps\twww.a.com\t/a?b=c\tHTTP/2\t206\t1099511627776\t321\t"
            "5000000000\t77\tstale\tCN\tguangdong\ttelecom\thttp://r/\tcurl\t3\n");
  const std::string header = access_log_header();
  EXPECT_EQ(std::count(header.begin(), header.end(), '\t'), std::count(line.begin(), line.end(), '\t'));
  EXPECT_TRUE(header.starts_with("#time\tclient\t"));
}

TEST(AccessLine, NoValueCanForgeAColumnOrALine) {
  AccessRecord r = sample();
  r.target = "/a\tb\nc\\d\x7f\xe4";
  r.agent = "";
  std::string line;
  append_line(line, r, NodeId{3});
  EXPECT_NE(line.find("\t/a\\x09b\\x0ac\\x5cd\\x7f\\xe4\t"), std::string::npos) << line;
  EXPECT_NE(line.find("\t-\t3\n"), std::string::npos) << line;
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

TEST(SpoolName, OnlyFinishedFilesCount) {
  EXPECT_EQ(parse_spool_name("17-3.usage", ".usage"), (SpoolName{17, 3}));
  EXPECT_EQ(file_name(SpoolName{17, 3}, ".logs"), "17-3.logs");
  for (const char* name : {"17-3.usage.tmp", ".17-3.usage", "17.usage", "a-b.usage", "-1.usage", "1-.usage", "usage"}) {
    EXPECT_FALSE(parse_spool_name(name, ".usage")) << name;
  }
}

TEST(AccessSegment, NamesAndHeadsComeBack) {
  const SegmentHead head{.name = {17, 3}, .created = sample().ended, .is_closed = true, .records = 9, .bytes = 900};
  const std::string bytes = encode(head);
  ASSERT_EQ(bytes.size(), kSegmentHead);
  const auto back = decode_segment_head(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, head);
  EXPECT_EQ(parse_segment_name(file_name(head.name)), head.name);
  for (const char* other : {"17-3.access.abc", "17-.access", "-3.access", "17.access", "x-3.access", "17-3.losses"}) {
    EXPECT_FALSE(parse_segment_name(other)) << other;
  }
  for (std::size_t i = 0; i < 36; ++i) {
    if (i == 6 || i == 7) continue;  // reserved
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(decode_segment_head(bad)) << i;
  }
}

TEST(AccessLosses, CellsOfOneHourAndDomainAreAddedUp) {
  std::string file = encode_losses_head(5);
  file.resize(kLossesSize);
  const auto put = [&](std::size_t cell, std::uint64_t tag, std::uint64_t domain, std::uint64_t lost) {
    std::uint64_t words[3] = {tag, domain, lost};
    file.replace(kLossesHead + cell * 24, 24, reinterpret_cast<const char*>(words), 24);
  };
  put(0, 0, 0, 4);
  put(1, loss_tag(100), 7, 2);
  put(9, loss_tag(100), 7, 3);
  put(10, 1, 8, 3);  // being taken when its process died: nothing was counted for sure
  put(11, loss_tag(101), 7, 1);
  const auto losses = decode_losses(file);
  ASSERT_TRUE(losses) << losses.error().message;
  const std::vector<AccessLoss> wanted = {{5, 0, {}, 4}, {5, 100, {7}, 5}, {5, 101, {7}, 1}};
  EXPECT_EQ(*losses, wanted);
  EXPECT_FALSE(decode_losses(std::string_view(file).substr(1)));
}

}  // namespace
}  // namespace yz::model
