#include "agent/usage_shipper.h"

#include <chrono>
#include <set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "io/reactor.h"
#include "model/codec.h"

namespace yz::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kScan = 200ms;
constexpr auto kDiskDeadline = 30s;
constexpr auto kSendAgainAfter = 30s;  // control drops what it has no room for
constexpr std::size_t kMaxUnderWay = 32;
constexpr std::size_t kMaxBatchBytes = 64ULL << 20;
constexpr std::string_view kSuffix = ".usage";

struct Batch {
  model::SpoolName name;
  std::filesystem::path path;
  rpc::SharedBytes bytes;
};

/// The oldest batches of the spool that are not in `skip`. A damaged one is put aside: control would refuse it for
/// ever.
std::vector<Batch> read_spool(const std::filesystem::path& spool, const std::set<model::SpoolName>& skip,
                              std::size_t max) {
  std::map<model::SpoolName, std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(spool, error)) {
    const auto name = model::parse_spool_name(entry.path().filename().native(), kSuffix);
    if (name && !skip.contains(*name)) found.emplace(*name, entry.path());
  }
  std::vector<Batch> batches;
  for (const auto& [name, path] : found) {
    if (batches.size() == max) break;
    auto bytes = read_file(path, kMaxBatchBytes);
    if (!bytes) {
      log::error("usage batch {}: {}", path.string(), bytes.error().message);
      continue;
    }
    const auto batch = model::decode_usage_batch(*bytes);
    if (!batch || batch->epoch != name.epoch || batch->number != name.number) {
      log::error("usage batch {} is damaged, kept as .damaged: {}", path.string(),
                 batch ? "it holds another batch than its name says" : batch.error().message);
      std::filesystem::rename(path, path.string() + ".damaged", error);
      continue;
    }
    batches.push_back({name, path, std::make_shared<const std::string>(*std::move(bytes))});
  }
  return batches;
}

}  // namespace

io::Task<void> UsageShipper::run() {
  for (;;) {
    const MonoTime too_old = io::Reactor::current().now() - kSendAgainAfter;
    std::erase_if(under_way_, [too_old](const auto& entry) { return entry.second.at < too_old; });
    if (control_.is_connected() && under_way_.size() < kMaxUnderWay) co_await ship_what_is_there();
    co_await io::sleep_for(kScan);
  }
}

io::Task<void> UsageShipper::ship_what_is_there() {
  std::set<model::SpoolName> under_way;
  for (const auto& [name, sent] : under_way_) under_way.insert(name);
  auto read = [spool = spool_, skip = std::move(under_way), max = kMaxUnderWay - under_way_.size()] {
    return Result<std::vector<Batch>>(read_spool(spool, skip, max));
  };
  auto batches = co_await pool_.run(std::move(read), io::Reactor::current().in(kDiskDeadline));
  if (!batches) {
    log::warn("reading the usage spool: {}", batches.error().message);
    co_return;
  }
  for (const Batch& batch : *batches) {
    if (!control_.send(rpc::UsageShipment{batch.name.epoch, batch.name.number, batch.bytes})) co_return;
    under_way_.emplace(batch.name, Sent{batch.path, io::Reactor::current().now()});
  }
}

void UsageShipper::on_ack(const rpc::UsageAck& ack) {
  const auto it = under_way_.find(model::SpoolName{ack.epoch, ack.number});
  if (it == under_way_.end()) return;
  std::error_code error;
  std::filesystem::remove(it->second.path, error);
  if (error) {
    log::error("cannot remove shipped usage batch {}: {}", it->second.path.string(), error.message());
    return;  // still under way: not sent again in this session
  }
  under_way_.erase(it);
}

}  // namespace yz::agent
