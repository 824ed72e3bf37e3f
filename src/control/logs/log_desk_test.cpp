// Access logs from a node's batch to a customer's download: each batch once, over restarts; whose logs they are; links
// that expire; what is past its time or beyond the quota.

#include "control/logs/log_desk.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/text.h"
#include "control/logs/test_logs.h"
#include "model/access_record.h"
#include "model/codec.h"

namespace yz::control {
namespace {

using nlohmann::json;

/// Frames one after the other, as any zstd reader takes them.
std::string unpack(const std::string& bytes) {
  std::string out;
  ZSTD_DCtx* const context = ZSTD_createDCtx();
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string buffer(1 << 16, '\0');
  while (in.pos < in.size) {
    ZSTD_outBuffer to{buffer.data(), buffer.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(context, &to, &in)) != 0) break;
    out.append(buffer, 0, to.pos);
  }
  ZSTD_freeDCtx(context);
  return out;
}

class AccessLogs : public test::LogsTest {
 protected:
  json list(const std::string& token = "operator") {
    return control_.call("GET", "/api/v1/domains/" + std::to_string(world_.domain) + "/logs", "", {}, token).json();
  }
  std::string download(const json& item) {
    const auto answer = control_.call("GET", item["url"].get<std::string>(), "", {}, "");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return unpack(answer.body);
  }
};

TEST_F(AccessLogs, EachBatchIsThereOnceOverARestart) {
  ship(1, {{world_.domain, "one\ntwo\n"}, {world_.domain + 7, "other\n"}});
  ASSERT_TRUE(acknowledged(1));
  ship(1, {{world_.domain, "one\ntwo\n"}, {world_.domain + 7, "other\n"}});
  ASSERT_TRUE(acknowledged(2));
  ship(2, {{world_.domain, "three\n"}}, {{9, hour(), model::DomainId{world_.domain}, 4}});
  ASSERT_TRUE(acknowledged(3));
  json items = list()["items"];
  ASSERT_EQ(items.size(), 1U) << items;
  EXPECT_EQ(items[0]["hour"], show_hour(hour()));
  EXPECT_EQ(items[0]["requests"], 3);
  EXPECT_EQ(items[0]["lost"], 4);
  EXPECT_EQ(items[0]["state"], "gaps");
  const std::string before = download(items[0]);
  EXPECT_EQ(before, model::access_log_header() + "one\ntwo\nthree\n");
  node_->disconnect();
  control_.restart();
  EXPECT_EQ(download(items[0]), before) << "the link outlives control";
  EXPECT_EQ(download(list()["items"][0]), before);
}

TEST_F(AccessLogs, AnHourIsCompleteWhenEachCountedRequestHasItsLine) {
  model::UsageBatch usage{.node = {999}, .epoch = 1, .number = 1};
  model::UsageRecord record;
  record.key = {hour() * 60 + 5, model::DomainId{world_.domain}, model::Tier::kL1, 2, model::CacheResult::kHit};
  record.counts.requests = 3;
  usage.records = {record};
  usage.covers_from = model::start_of_hour(hour() - 1);
  usage.covers_until = model::start_of_hour(hour() + 1);
  node_->send(rpc::UsageShipment{1, 1, std::make_shared<const std::string>(model::encode(usage))});
  ASSERT_TRUE(node_->wait([&] { return node_->usage_acks.size() == 1; }));
  json items = list()["items"];
  ASSERT_EQ(items.size(), 1U) << items;
  EXPECT_EQ(items[0]["missing"], 3);
  EXPECT_FALSE(items[0].contains("url"));
  ship(1, {{world_.domain, "1\n2\n3\n"}});
  ASSERT_TRUE(acknowledged(1));
  items = list()["items"];
  EXPECT_EQ(items[0]["state"], "complete") << items;
  EXPECT_EQ(items[0]["counted"], 3);
}

TEST_F(AccessLogs, ALinkIsForOneDomainAndHourAndExpires) {
  ship(1, {{world_.domain, "one\n"}, {world_.domain + 7, "secret\n"}});
  ASSERT_TRUE(acknowledged(1));
  const auto url = list()["items"][0]["url"].get<std::string>();
  const auto status = [&](std::string changed) { return control_.call("GET", changed, "", {}, "").status; };
  EXPECT_EQ(status(url), 200);
  const auto with = [&](const std::string& name, const std::string& value) {
    std::string out = url;
    const auto from = out.find(name + "=") + name.size() + 1;
    return out.replace(from, std::min(out.find('&', from), out.size()) - from, value);
  };
  EXPECT_EQ(status(with("domain", std::to_string(world_.domain + 7))), 403);
  EXPECT_EQ(status(with("hour", "2026-01-01T00:00:00Z")), 403);
  EXPECT_EQ(status(with("expires", "99999999999")), 403);
  EXPECT_EQ(status(with("signature", "")), 403);
  EXPECT_EQ(status("/api/v1/log-file"), 403);
}

TEST_F(AccessLogs, AnotherTenantDoesNotSeeThem) {
  ship(1, {{world_.domain, "one\n"}});
  ASSERT_TRUE(acknowledged(1));
  const std::uint64_t other = control_.create("tenants", {{"name", "b"}});
  const std::string stranger = control_.tenant_token(other);
  const std::string path = "/api/v1/domains/" + std::to_string(world_.domain) + "/logs";
  EXPECT_EQ(control_.call("GET", path, "", {}, stranger).status, 404);
  EXPECT_EQ(list(control_.tenant_token(world_.tenant))["items"].size(), 1U);
}

TEST_F(AccessLogs, DamagedBatchesAreRefusedAndOthersAreOfTheirSession) {
  model::LogBatchHead head;
  head.node = node_->id();
  head.epoch = 5;
  head.number = 1;
  head.slices = {{hour(), model::DomainId{world_.domain}, 1, 4, 5}};
  std::size_t answers = 0;
  for (const std::string& bytes :
       {std::string("YZLB"), encode(head, "frame"), encode(head, test::zstd_frame("one\n"))}) {
    node_->send(rpc::LogShipment{5, 1, std::make_shared<const std::string>(bytes)});
    ASSERT_TRUE(acknowledged(++answers));
  }
  EXPECT_TRUE(node_->wait([&] { return std::ranges::none_of(node_->log_acks, &rpc::LogAck::is_stored); }));
  EXPECT_TRUE(list()["items"].empty());
  ship(2, {{world_.domain, "one\n"}});
  ASSERT_TRUE(acknowledged(4));
  EXPECT_EQ(list()["items"][0]["requests"], 1);
}

/// The desk's folder and house alone, with a clock of their own.
class LogHouseTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = *store::Database::open(test::new_database(temp_.path() / "db"));
    ASSERT_TRUE(folder_.open(*database_, clock_.wall()));
    auto config = std::make_shared<model::ConfigSnapshot>();
    config->seq = {1};
    for (const std::uint64_t id : {1, 2, 3}) {
      model::Domain domain;
      domain.id = {id};
      domain.tenant = {id < 3 ? 1U : 2U};  // 1 and 2 are of one tenant
      config->domains.put(domain, {1});
    }
    state_.advance(config);
  }
  Status tidy(ByteCount quota, ByteCount tenant_quota, std::chrono::hours retention = std::chrono::hours(48)) {
    metrics::Registry metrics;
    return LogHouse(*database_, state_, folder_, clock_, metrics, {quota, tenant_quota, retention}).tidy();
  }
  [[nodiscard]] std::uint32_t hour() const { return model::hour_of(clock_.wall()); }
  /// A batch of one node with a frame of a domain's hour.
  store::LogBatchName add(std::uint64_t number, std::uint64_t domain, std::uint32_t hour, std::size_t size = 100'000) {
    model::LogBatchHead head;
    head.node = {7}, head.epoch = 1, head.number = number;
    head.slices = {{hour, {domain}, 10, 1000, size}};
    const store::LogBatchName name{head.node, head.epoch, head.number};
    const std::string bytes = encode(head, std::string(size, 'f'));
    EXPECT_TRUE(folder_.put(name, bytes));
    EXPECT_TRUE(database_->write(
        [&](store::Transaction& tx) { return store::LogStore(tx).ingest(head, bytes.size(), clock_.wall()); }));
    return name;
  }
  std::uint64_t lines(std::uint64_t domain, std::uint32_t hour) {
    const auto found = *database_->read(
        [&](store::Transaction& tx) { return store::LogStore(tx).hours(model::DomainId{domain}, hour, hour + 1); });
    return found.empty() ? 0 : found[0].requests;
  }
  [[nodiscard]] std::uint64_t blocks(const store::LogBatchName& name) const {
    struct stat info{};
    return ::stat(folder_.file_of(name).c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
  }

  TempFolder temp_;
  ManualClock clock_;
  std::unique_ptr<store::Database> database_;
  ConfigState state_;
  LogFolder folder_{temp_.path() / "logs"};
};

TEST_F(LogHouseTest, HoursGoWhenTheirTimeIsOver) {
  const auto batch = add(1, 1, hour());
  ASSERT_TRUE(tidy(gib(1), gib(1)));
  EXPECT_EQ(lines(1, hour()), 10U);
  const std::uint32_t then = hour();
  clock_.advance(std::chrono::hours(50));
  ASSERT_TRUE(tidy(gib(1), gib(1)));
  EXPECT_EQ(lines(1, then), 0U);
  EXPECT_FALSE(std::filesystem::exists(folder_.file_of(batch)));
}

TEST_F(LogHouseTest, ATenantsQuotaTakesItsOwnOldestHoursOnly) {
  const auto oldest = add(1, 1, hour() - 3);
  add(2, 2, hour() - 2);
  add(3, 2, hour() - 1);
  add(4, 3, hour() - 5);
  ASSERT_TRUE(tidy(gib(1), ByteCount{150'000}));
  EXPECT_EQ(lines(1, hour() - 3), 0U);
  EXPECT_EQ(lines(2, hour() - 2), 0U);
  EXPECT_EQ(lines(2, hour() - 1), 10U);
  EXPECT_EQ(lines(3, hour() - 5), 10U) << "another tenant's";
  EXPECT_LT(blocks(oldest), 50'000U) << "the disk has it back";
  ASSERT_TRUE(tidy(gib(1), ByteCount{150'000}));
  EXPECT_EQ(lines(2, hour() - 1), 10U);
}

TEST_F(LogHouseTest, TheQuotaOfAllTakesTheOldestBatches) {
  const auto old = add(2, 1, hour() - 3);
  const auto young = add(1, 1, hour() - 1);
  ASSERT_TRUE(tidy(ByteCount{150'000}, gib(1)));
  EXPECT_FALSE(std::filesystem::exists(folder_.file_of(old)));
  EXPECT_TRUE(std::filesystem::exists(folder_.file_of(young)));
  EXPECT_EQ(lines(1, hour() - 3), 0U);
  EXPECT_EQ(lines(1, hour() - 1), 10U);
}

TEST_F(LogHouseTest, AnotherFolderThanTheDatabasesIsNotOurs) {
  EXPECT_TRUE(folder_.is_ours());
  LogFolder same(temp_.path() / "logs");
  ASSERT_TRUE(same.open(*database_, clock_.wall()));
  EXPECT_TRUE(same.is_ours());
  LogFolder other(temp_.path() / "elsewhere");
  ASSERT_TRUE(other.open(*database_, clock_.wall()));
  EXPECT_FALSE(other.is_ours());
  // The operator says that it is the one from now on.
  std::filesystem::copy_file(temp_.path() / "logs/folder-id", temp_.path() / "elsewhere/folder-id",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(other.is_ours());
}

TEST_F(LogHouseTest, ALinkIsValidUntilItExpires) {
  io::BlockingPool pool;
  metrics::Registry metrics;
  LogDesk desk(*database_, state_, pool, clock_, metrics, {.folder = temp_.path() / "logs", .house = {}});
  ASSERT_TRUE(desk.open());
  const std::string link = desk.link(model::DomainId{1}, 100, clock_.wall() + std::chrono::seconds(10));
  const std::string signature = link.substr(link.find("signature=") + 10);
  const auto seconds = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::seconds>(clock_.wall()).time_since_epoch().count() + 10);
  EXPECT_TRUE(desk.is_valid(model::DomainId{1}, 100, seconds, signature));
  EXPECT_FALSE(desk.is_valid(model::DomainId{1}, 101, seconds, signature));
  clock_.advance(std::chrono::seconds(10));
  EXPECT_FALSE(desk.is_valid(model::DomainId{1}, 100, seconds, signature));
}

}  // namespace
}  // namespace yz::control
