#include "agent/log_shipper.h"

#include <gtest/gtest.h>

#include "agent/test_spool.h"
#include "agent/test_support.h"
#include "base/file.h"

namespace yz::agent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class LogShipperTest : public testing::Test {
 protected:
  /// A control that counts how often each batch came.
  class Sink final : public ControlSink {
   public:
    bool send(rpc::NodeMessage message) override {
      if (const auto* logs = std::get_if<rpc::LogShipment>(&message)) {
        EXPECT_TRUE(model::decode_log_batch(*logs->batch));
        came.push_back(logs->number);
        last = {logs->epoch, logs->number};
      }
      return true;
    }
    void resynchronise(const std::string& /*why*/) override {}

    std::vector<std::uint64_t> came;
    rpc::LogAck last;
  };

  LogShipperTest() { reactor.spawn_into(scope, shipper.run()); }
  /// Lets the shipper work until `holds`, two seconds at most.
  template <typename F>
  bool turn_until(F holds) {
    for (int i = 0; i < 100 && !holds(); ++i) {
      reactor.block_on([]() -> io::Task<void> { co_await io::sleep_for(20ms); }());
    }
    return holds();
  }
  void acknowledge(bool is_stored) {
    rpc::LogAck ack = sink.last;
    ack.is_stored = is_stored;
    reactor.block_on([](LogShipper& to, rpc::LogAck one) -> io::Task<void> {
      to.on_ack(one);
      co_return;
    }(shipper, ack));
  }
  [[nodiscard]] std::vector<fs::path> files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(outbox())) {
      if (entry.path().extension() == ".logs") out.push_back(entry.path());
    }
    return out;
  }
  [[nodiscard]] fs::path outbox() const { return folder.path() / "logs"; }

  TempFolder folder;
  TestSpool spool{folder.path() / "access"};
  io::Reactor reactor;
  io::BlockingPool pool;
  Sink sink;
  LogShipper shipper{{.spool = folder.path() / "access", .outbox = folder.path() / "logs", .node = model::NodeId{7}},
                     50ms,
                     pool,
                     sink};
  io::TaskScope scope;
};

TEST_F(LogShipperTest, ABatchStaysUntilControlHasStoredIt) {
  spool.write_segment(1, TestSpool::records(1, 3, 5), 3, true);
  ASSERT_TRUE(turn_until([&] { return fs::exists(outbox()) && files().size() == 1; }));
  EXPECT_TRUE(sink.came.empty()) << "there is no session";
  shipper.on_connected();
  ASSERT_TRUE(turn_until([&] { return sink.came.size() == 1; }));
  shipper.on_disconnected();
  shipper.on_connected();
  ASSERT_TRUE(turn_until([&] { return sink.came.size() == 2; })) << "what was not acknowledged is sent again";
  acknowledge(false);
  ASSERT_TRUE(turn_until([&] { return sink.came.size() == 3; })) << "control could not take it";
  EXPECT_EQ(sink.came, (std::vector<std::uint64_t>{1, 1, 1}));
  EXPECT_EQ(files().size(), 1U);
  acknowledge(true);
  EXPECT_TRUE(turn_until([&] { return files().empty(); }));
  spool.write_segment(2, TestSpool::records(4, 1, 5), 1, true);
  ASSERT_TRUE(turn_until([&] { return sink.came.size() == 4; }));
  EXPECT_EQ(sink.came.back(), 2U);
}

TEST_F(LogShipperTest, ADamagedBatchIsPutAsideAndHoldsNothingUp) {
  spool.write_segment(1, TestSpool::records(1, 3, 5), 3, true);
  ASSERT_TRUE(turn_until([&] { return fs::exists(outbox()) && files().size() == 1; }));
  const fs::path damaged = files().front();
  ASSERT_TRUE(write_file_atomically(damaged, "garbage"));
  spool.write_segment(2, TestSpool::records(4, 1, 5), 1, true);
  ASSERT_TRUE(turn_until([&] { return files().size() == 2; }));
  shipper.on_connected();
  ASSERT_TRUE(turn_until([&] { return !sink.came.empty(); }));
  EXPECT_EQ(sink.came, (std::vector<std::uint64_t>{2}));
  EXPECT_TRUE(fs::exists(damaged.native() + ".damaged"));
}

}  // namespace
}  // namespace yz::agent
