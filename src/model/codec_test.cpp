#include "model/codec.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/sample_snapshot.h"

namespace yz::model {
namespace {

/// `bytes` with byte `at` replaced and the checksum made right again.
std::string forged(std::string bytes, std::size_t at, char value) {
  bytes[at] = value;
  bytes.resize(bytes.size() - 4);
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  return bytes;
}

TEST(SnapshotCodec, RoundTripKeepsEveryField) {
  const ConfigSnapshot s = sample_snapshot();
  const auto back = decode_snapshot(encode(s));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, s);
  EXPECT_EQ(back->content_hash(), s.content_hash());
  EXPECT_EQ(back->certificates.find({1})->key_pem, s.certificates.find({1})->key_pem);
}

TEST(SnapshotCodec, AnEmptySnapshotRoundTrips) {
  const auto back = decode_snapshot(encode(ConfigSnapshot{}));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, ConfigSnapshot{});
}

TEST(SnapshotCodec, EveryTruncationIsCorrupt) {
  const std::string bytes = encode(sample_snapshot());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto back = decode_snapshot(std::string_view(bytes).substr(0, n));
    ASSERT_FALSE(back) << n;
    EXPECT_EQ(back.error().code, Code::kCorrupt);
  }
}

TEST(SnapshotCodec, EveryFlippedBitIsRefused) {
  const std::string bytes = encode(sample_snapshot());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    EXPECT_FALSE(decode_snapshot(bad)) << i;
  }
}

TEST(SnapshotCodec, AValueOutOfRangeUnderARightChecksumIsRefusedOrAnotherSnapshot) {
  const ConfigSnapshot s = sample_snapshot();
  const std::string bytes = encode(s);
  for (std::size_t i = 8; i + 4 < bytes.size(); ++i) {
    if (bytes[i] == '\xff') continue;
    const auto back = decode_snapshot(forged(bytes, i, '\xff'));
    if (back) {
      EXPECT_NE(*back, s) << i;
    }
  }
}

/// The bytes of a snapshot without what format seven brought, each domain's rate, and without the checksum; `s` then
/// has the usual rates.
std::string before_seven(ConfigSnapshot& s) {
  std::vector<DomainId> ids;
  for (const auto& [id, entry] : s.domains) ids.push_back(id);
  const auto with_rate = [&s](DomainId id, std::uint32_t rate) {
    Domain domain = *s.domains.find(id);
    domain.prefetch_rate = rate;
    s.put(domain, s.domains.seq_of(id));
    return encode(s);
  };
  for (const DomainId id : ids) (void)with_rate(id, Domain().prefetch_rate);
  std::string bytes = encode(s);
  std::vector<std::size_t> places;
  for (const DomainId id : ids) {
    const std::string other = with_rate(id, Domain().prefetch_rate + 1);
    places.push_back(static_cast<std::size_t>(std::ranges::mismatch(bytes, other).in1 - bytes.begin()));
    (void)with_rate(id, Domain().prefetch_rate);
  }
  std::ranges::sort(places, std::greater());
  for (const std::size_t at : places) bytes.erase(at, 1);
  bytes.resize(bytes.size() - 4);
  return bytes;
}

TEST(SnapshotCodec, OneOfFormatSixHasTheUsualPrefetchRates) {
  ConfigSnapshot s = sample_snapshot();
  std::string bytes = before_seven(s);
  bytes[4] = 6;
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  const auto back = decode_snapshot(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, s);
}

TEST(SnapshotCodec, OneOfFormatFiveHasNoSuspensions) {
  ConfigSnapshot s = sample_snapshot();
  s.remove({ResourceKind::kSuspension, 1}, {1});
  std::string bytes = before_seven(s);
  bytes.pop_back();  // the count of suspensions
  bytes[4] = 5;
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  const auto back = decode_snapshot(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, s);
}

TEST(SnapshotCodec, OneOfFormatThreeHasNoChallenges) {
  ConfigSnapshot s = sample_snapshot();
  s.remove({ResourceKind::kSuspension, 1}, {1});
  s.remove({ResourceKind::kChallenge, 1}, {1});
  s.remove({ResourceKind::kCertificate, 1}, {1});  // its fields of format four
  Domain domain = *s.domains.find({1});
  domain.certificate = {};
  s.put(domain, {1});
  std::string bytes = before_seven(s);
  bytes.resize(bytes.size() - 2);  // the counts of challenges and suspensions
  bytes[4] = 3;
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  const auto back = decode_snapshot(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, s);
}

TEST(SnapshotCodec, ANewerVersionIsUnsupported) {
  const auto back = decode_snapshot(forged(encode(sample_snapshot()), 4, 9));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, Code::kUnsupported);
}

TEST(ResourceCodec, AnOriginGroupKeepsWhatFormatTwoBrought) {
  OriginGroup g = *sample_snapshot().origin_groups.find({1});
  g.idle_timeout = std::chrono::milliseconds(7), g.max_queued = 8, g.queue_timeout = std::chrono::milliseconds(9);
  g.tls_name = "inner.a.com", g.ca_pem = "pem", g.min_tls = TlsVersion::kTls13, g.fall = 4, g.rise = 5;
  g.health_path = "/healthz", g.on_client_abort = OnClientAbort::kStopBelow, g.finish_percent = 50;
  g.set_headers = {{"X-Cdn", "yizhan"}}, g.remove_headers = {"Cookie"};
  g.auth = OriginAuth::kAwsV4, g.auth_key = "AKIDEXAMPLE", g.auth_secret = "wJalrXUtnFEMI", g.auth_region = "us-east-1";
  const auto back = decode_resource(encode(Resource(g)));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, Resource(g));
}

TEST(ResourceCodec, BytesOfFormatOneAreReadWithDefaultsForWhatCameLater) {
  // An origin group as version 1 wrote it: id 1, tenant 1, "m", one origin "a":80, no more.
  std::string bytes(
      "YZRS\1\0\0\0"
      "\1"
      "\1\1\1m\1"
      "\1a\x50\1\0\0"
      "\0\0\1\xf0\x2e\xe0\xd4\3\x80\2",
      30);
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  const auto back = decode_resource(bytes);
  ASSERT_TRUE(back) << back.error().message;
  OriginGroup expected;
  expected.id = {1}, expected.tenant = {1}, expected.name = "m", expected.origins = {{"a", 80, 1, false, false}};
  EXPECT_EQ(*back, Resource(expected));
}

TEST(ResourceCodec, ADomainOfFormatTwoHasNoHttpsRules) {
  Domain domain = *sample_snapshot().domains.find({1});
  domain.https = {};
  domain.prefetch_rate = Domain().prefetch_rate;
  std::string bytes = encode(Resource(domain));
  bytes.resize(bytes.size() - 4 - 5 - 1);  // the checksum, one byte for each of the rules' fields, and the rate
  bytes[4] = 2;
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  const auto back = decode_resource(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, Resource(domain));
}

TEST(ResourceCodec, ADomainKeepsItsHttpsRulesAndANodeItsPort) {
  Domain domain = *sample_snapshot().domains.find({1});
  domain.https = {HttpsRedirect::kPermanent, {std::chrono::seconds(9), true, true}, TlsVersion::kTls13};
  EXPECT_EQ(decode_resource(encode(Resource(domain))).value(), Resource(domain));
  Node node = *sample_snapshot().nodes.find({1});
  node.https_port = 8443;
  EXPECT_EQ(decode_resource(encode(Resource(node))).value(), Resource(node));
}

TEST(SnapshotCodec, AnotherKindOfFrameIsNamed) {
  const auto back = decode_snapshot(encode(UsageBatch{}));
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("not a configuration snapshot"), std::string::npos);
}

TEST(DeltaCodec, RoundTripsUpsertsAndRemovals) {
  ConfigDelta delta = diff(ConfigSnapshot{}, sample_snapshot());
  delta.removals = {{ResourceKind::kNode, 9}};
  const auto back = decode_delta(encode(delta));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, delta);
}

TEST(PurgeCodec, RoundTripsEveryKind) {
  std::vector<PurgeRecord> records;
  std::uint64_t seq = 41;
  for (const PurgeKind kind :
       {PurgeKind::kUrl, PurgeKind::kDirectory, PurgeKind::kTag, PurgeKind::kHost, PurgeKind::kAll}) {
    records.push_back(
        {{++seq}, kind, {7}, "/a/", seq % 2 == 0, WallTime(std::chrono::milliseconds(1'700'000'000'123))});
  }
  const auto back = decode_purge_records(encode(records));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, records);
}

TEST(UsageCodec, RoundTripsFullRangeCounts) {
  const UsageKey key{28'333'333,       {5},  Tier::kL2,      5,  CacheResult::kBypass,
                     Protocol::kHttp3, true, 'Z' << 8 | 'W', 34, 9};
  const WallTime from(std::chrono::milliseconds(1'700'000'000'123));
  UsageBatch batch{{3}, UINT64_MAX, 12, {{key, {1, UINT64_MAX, 3, 4, 5, 6}}}, from, from + std::chrono::seconds(1)};
  const auto back = decode_usage_batch(encode(batch));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, batch);
}

TEST(UsageCodec, ABatchOfAnOlderFormatIsReadWithoutWhatItDoesNotHold) {
  // Version 3: node 1, epoch 2, number 3, one record: minute 100, domain 5, l1, 2xx, hit, counts 1 to 6.
  std::string bytes("YZUB\3\0\0\0\1\2\3\1\x64\5\0\2\1\1\2\3\4\5\6", 23);
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  const auto batch = decode_usage_batch(bytes);
  ASSERT_TRUE(batch) << batch.error().message;
  ASSERT_EQ(batch->records.size(), 1U);
  EXPECT_EQ(batch->records[0].key.protocol, Protocol::kUnknown);
  EXPECT_EQ(batch->records[0].counts, (UsageCounts{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(batch->covers_until, WallTime());
}

TEST(UsageCodec, ACountLargerThanTheBytesLeftIsRefusedWithoutAllocatingIt) {
  std::string bytes("YZUB\1\0\0\0\1\1\1\xff\xff\xff\xff\x0f", 16);
  const std::uint32_t crc = crc32c(bytes);
  ByteWriter(bytes).u32(crc);
  EXPECT_FALSE(decode_usage_batch(bytes));
}

TEST(ResourceCodec, EachKindRoundTrips) {
  const ConfigDelta delta = diff(ConfigSnapshot{}, sample_snapshot());
  for (const auto& upsert : delta.upserts) {
    const auto back = decode_resource(encode(upsert.resource));
    ASSERT_TRUE(back) << to_string(key_of(upsert.resource));
    EXPECT_EQ(*back, upsert.resource);
  }
}

}  // namespace
}  // namespace yz::model
