#include "control/logs/log_desk.h"

#include <utility>

#include <fmt/format.h>
#include <zstd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "store/secret_store.h"

namespace yz::control {
namespace {

constexpr std::string_view kKeyName = "log-links";
constexpr std::size_t kKeyBytes = 32;
constexpr std::uint64_t kMostWaiting = 64ULL << 20;  // of batches in memory; beyond it nodes come again

/// Each slice is one whole frame of the size it says.
Status check_frames(const model::LogBatch& batch, std::string_view bytes) {
  bool are_frames = true;
  batch.for_each_slice([&](const model::LogSlice& slice, std::uint64_t at) {
    const char* frame = bytes.data() + at;
    are_frames = are_frames && ZSTD_findFrameCompressedSize(frame, slice.size) == slice.size &&
                 ZSTD_getFrameContentSize(frame, slice.size) == slice.text_bytes;
  });
  if (!are_frames) return fail(Code::kCorrupt, "log batch: a slice is not the frame it says");
  return {};
}

Result<model::LogBatch> read_batch(const rpc::LogShipment& shipment) {
  if (!shipment.batch) return fail(Code::kCorrupt, "there are no bytes");
  YZ_TRY(model::LogBatch batch, model::decode_log_batch(*shipment.batch));
  if (batch.head.epoch != shipment.epoch || batch.head.number != shipment.number) {
    return fail(Code::kCorrupt, "the batch is another one than announced");
  }
  YZ_CHECK(check_frames(batch, *shipment.batch));
  return batch;
}

}  // namespace

std::string show_hour(std::uint32_t hour) { return format_rfc3339(model::start_of_hour(hour)); }

LogDesk::LogDesk(store::Database& database, const ConfigState& state, io::BlockingPool& pool, const Clock& clock,
                 metrics::Registry& metrics, Options options)
    : database_(database),
      pool_(pool),
      clock_(clock),
      folder_(std::move(options.folder)),
      house_(database, state, folder_, clock, metrics, options.house) {
  batches_ = metrics.counter("yz_control_log_batches_total", "Batches of access logs stored.");
  repeated_ = metrics.counter("yz_control_log_repeated_total", "Batches of access logs that were stored before.");
  refused_ = metrics.counter("yz_control_log_refused_total", "Batches of access logs that could not be read.");
  deferred_ = metrics.counter("yz_control_log_deferred_total", "Batches of access logs that are to come again later.");
  lines_ = metrics.counter("yz_control_log_lines_total", "Lines of access logs stored.");
  has_folder_ = metrics.gauge("yz_control_log_folder", "1 when this instance sees the folder of access logs.");
}

Status LogDesk::open() {
  YZ_CHECK(folder_.open(database_, clock_.wall()));
  has_folder_.set(folder_.is_ours() ? 1 : 0);
  const std::string fresh = secret_bytes(kKeyBytes);
  YZ_TRY(key_, database_.write([&](store::Transaction& tx) {
    return store::SecretStore(tx).get_or_put(kKeyName, fresh, clock_.wall());
  }));
  return {};
}

// ---- from nodes

void LogDesk::take(const rpc::NodeSessionPtr& session, rpc::LogShipment shipment) {
  const std::uint64_t size = shipment.batch ? shipment.batch->size() : 0;
  const rpc::LogAck later{shipment.epoch, shipment.number, false};
  if (waiting_bytes_.fetch_add(size) > kMostWaiting) {
    waiting_bytes_ -= size;
    deferred_.add();
    session->send(later);
    return;
  }
  auto work = [this, session, size, shipment = std::move(shipment)] {
    const bool is_stored = store(session->node(), shipment);
    waiting_bytes_ -= size;
    if (!is_stored) deferred_.add();
    session->send(rpc::LogAck{shipment.epoch, shipment.number, is_stored});
  };
  if (pool_.submit(std::move(work))) return;
  waiting_bytes_ -= size;
  deferred_.add();
  session->send(later);
}

bool LogDesk::store(model::NodeId node, const rpc::LogShipment& shipment) {
  auto batch = read_batch(shipment);
  if (!batch) {
    refused_.add();
    log::error("access logs {}-{} of node {} are refused: {}", shipment.epoch, shipment.number, node.value,
               batch.error().message);
    return false;
  }
  batch->head.node = node;  // whatever the batch says: the certificate counts
  const auto is_new = ingest(batch->head, *shipment.batch);
  if (!is_new) {
    log::warn("access logs {}-{} of node {} could not be stored: {}", shipment.epoch, shipment.number, node.value,
              is_new.error().message);
    return false;
  }
  (*is_new ? batches_ : repeated_).add();
  if (*is_new) {
    for (const model::LogSlice& slice : batch->head.slices) lines_.add(slice.lines);
  }
  return true;
}

/// The file first: rows never speak of lines that are not there.
Result<bool> LogDesk::ingest(const model::LogBatchHead& head, std::string_view bytes) {
  const store::LogBatchName name{head.node, head.epoch, head.number};
  YZ_TRY(const bool is_known, database_.read([&](store::Transaction& tx) { return store::LogStore(tx).has(name); }));
  if (is_known) return false;
  const bool has_folder = folder_.is_ours();
  has_folder_.set(has_folder ? 1 : 0);
  if (!has_folder) return fail(Code::kUnavailable, "this instance does not see the folder of access logs");
  YZ_CHECK(folder_.put(name, bytes));
  return database_.write(
      [&](store::Transaction& tx) { return store::LogStore(tx).ingest(head, bytes.size(), clock_.wall()); });
}

// ---- to customers

Result<std::vector<FilePart>> LogDesk::find(model::DomainId domain, std::uint32_t hour) {
  if (!folder_.is_ours()) {
    return fail(Code::kUnavailable, "access logs lie where this instance does not see them; ask another one");
  }
  using Names = std::vector<store::LogBatchName>;
  YZ_TRY(const Names batches, database_.read([&](store::Transaction& tx) -> Result<Names> {
    YZ_TRY(const bool is_cut, store::LogStore(tx).is_cut(domain, hour));
    if (is_cut) return Names();
    return store::LogStore(tx).batches(hour);
  }));
  std::vector<FilePart> out;
  for (const store::LogBatchName& name : batches) {
    const auto batch = folder_.head_of(name);
    if (!batch) {
      YZ_TRY(const bool is_kept,
             database_.read([&](store::Transaction& tx) { return store::LogStore(tx).keeps(name); }));
      if (is_kept) return fail(Code::kIo, batch.error().message);
      continue;  // removed meanwhile
    }
    batch->for_each_slice([&](const model::LogSlice& slice, std::uint64_t at) {
      if (slice.hour == hour && slice.domain == domain) out.push_back({folder_.file_of(name), at, slice.size});
    });
  }
  return out;
}

std::string LogDesk::signature_of(model::DomainId domain, std::uint32_t hour, std::uint64_t expires) const {
  return to_base64url(hmac_sha256(key_, fmt::format("access-log\n{}\n{}\n{}", domain.value, hour, expires)));
}

std::string LogDesk::link(model::DomainId domain, std::uint32_t hour, WallTime expires) const {
  const auto seconds =
      static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(expires).time_since_epoch().count());
  return fmt::format("/api/v1/log-file?domain={}&hour={}&expires={}&signature={}", domain.value,
                     percent_encode(show_hour(hour)), seconds, signature_of(domain, hour, seconds));
}

bool LogDesk::is_valid(model::DomainId domain, std::uint32_t hour, std::uint64_t expires,
                       std::string_view signature) const {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.wall()).time_since_epoch().count();
  return equal_in_constant_time(signature, signature_of(domain, hour, expires)) &&
         expires > static_cast<std::uint64_t>(now);
}

}  // namespace yz::control
