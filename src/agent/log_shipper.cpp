#include "agent/log_shipper.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "io/reactor.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 200ms;
constexpr auto kDiskDeadline = 120s;
constexpr std::chrono::milliseconds kAgainAfter = 5s;  // when control cannot take logs now

/// The batch that is to be sent next; one that is damaged is put aside: control would refuse it for ever.
Result<LogShipper::Batch> read_oldest(const LogCollector& collector) {
  for (;;) {
    auto oldest = collector.oldest();
    if (!oldest) return LogShipper::Batch();
    auto bytes = read_file(oldest->file, model::kMaxLogBatch);
    if (!bytes && bytes.error().code != Code::kLimit) return fail(bytes.error());
    const auto batch = bytes ? model::decode_log_batch(*bytes) : fail(bytes.error());
    if (batch && batch->head.epoch == oldest->name.epoch && batch->head.number == oldest->name.number) {
      return LogShipper::Batch{*std::move(oldest), std::make_shared<const std::string>(*std::move(bytes))};
    }
    log::error("access logs in '{}' are damaged, kept as .damaged: {}", oldest->file.native(),
               batch ? "they are another batch than the name says" : batch.error().message);
    std::error_code error;
    std::filesystem::rename(oldest->file, oldest->file.native() + ".damaged", error);
    if (error) return fail_errno("cannot put '" + oldest->file.native() + "' aside", error.value());
  }
}

}  // namespace

io::Task<void> LogShipper::run() {
  MonoTime next_collection{};
  for (;;) {
    if (const MonoTime now = io::Reactor::current().now(); now >= next_collection) {
      next_collection = now + every_;
      co_await collect();
    }
    if (is_connected_ && !under_way_ && io::Reactor::current().now() >= not_before_) co_await send_oldest();
    co_await io::sleep_for(std::min<std::chrono::milliseconds>(kLook, every_));
  }
}

io::Task<void> LogShipper::collect() {
  // The shared collector is touched by one job at a time: this coroutine waits for each.
  if (!collector_) {
    auto open = [options = options_]() -> Result<std::shared_ptr<LogCollector>> {
      YZ_TRY(LogCollector opened, LogCollector::open(options));
      return std::make_shared<LogCollector>(std::move(opened));
    };
    auto opened = co_await pool_.run(std::move(open), io::kNoDeadline);
    if (!opened) {
      log::error("access logs cannot be collected: {}", opened.error().message);
      co_return;
    }
    collector_ = *std::move(opened);
  }
  auto work = [collector = collector_]() -> Status {
    for (bool has_more = true; has_more;) {
      YZ_TRY(has_more, collector->collect());
    }
    return {};
  };
  const auto done = co_await pool_.run(std::move(work), io::kNoDeadline);
  if (done) {
    said_why_ = false;
  } else if (!std::exchange(said_why_, true)) {
    log::warn("access logs stay in the edge's spool: {}", done.error().message);
  }
}

io::Task<void> LogShipper::send_oldest() {
  if (!collector_) co_return;
  auto read = [collector = collector_, stored = std::exchange(stored_, std::nullopt)]() -> Result<Batch> {
    std::error_code error;
    if (stored) std::filesystem::remove(stored->file, error);
    if (error) return fail_errno("cannot remove '" + stored->file.native() + "'", error.value());
    return read_oldest(*collector);
  };
  auto batch = co_await pool_.run(std::move(read), io::Reactor::current().in(kDiskDeadline));
  if (!batch) {
    log::warn("access logs wait on disk: {}", batch.error().message);
    not_before_ = io::Reactor::current().in(std::min(kAgainAfter, every_));
    co_return;
  }
  auto& [waiting, bytes] = *batch;
  if (!bytes || !is_connected_) co_return;
  const rpc::LogShipment shipment{waiting.name.epoch, waiting.name.number, std::move(bytes)};
  if (control_.send(shipment)) under_way_ = std::move(waiting);
}

void LogShipper::on_ack(const rpc::LogAck& ack) {
  if (!under_way_ || under_way_->name != model::SpoolName{ack.epoch, ack.number}) return;
  auto batch = std::exchange(under_way_, std::nullopt);
  if (ack.is_stored) {
    stored_ = std::move(batch);
  } else {
    not_before_ = io::Reactor::current().in(std::min(kAgainAfter, every_));
  }
}

}  // namespace yz::agent
