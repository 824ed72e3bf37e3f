#include "agent/log_collector.h"

#include <cerrno>
#include <deque>
#include <map>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "agent/log_compressor.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/file_range.h"
#include "base/log.h"
#include "base/random.h"
#include "model/access_record.h"

namespace yz::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".logs";
constexpr std::string_view kLast = "last";

std::optional<model::SpoolName> batch_name(std::string_view name) { return model::parse_spool_name(name, kSuffix); }

/// Files of a folder whose name `parse` takes, by what it makes of them.
template <typename Parse>
auto files_in(const fs::path& folder, Parse parse) {
  std::map<typename decltype(parse(std::string_view()))::value_type, fs::path> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const auto name = parse(std::string_view(entry.path().filename().native()))) out.emplace(*name, entry.path());
  }
  return out;
}

/// Counts once more what was lost; the sum of one epoch only grows.
void add_loss(std::vector<model::AccessLoss>& losses, std::uint64_t epoch, std::uint32_t hour, std::uint64_t lost) {
  for (model::AccessLoss& known : losses) {
    if (known.epoch == epoch && known.hour == hour && !known.domain) {
      known.lost += lost;
      return;
    }
  }
  losses.push_back({epoch, hour, {}, lost});
}

/// Whether a file can hold what its head says was published.
bool fits(const model::SegmentHead& head, int fd) {
  struct stat info{};
  return ::fstat(fd, &info) == 0 && model::kSegmentHead + std::uint64_t{head.bytes} <= std::uint64_t(info.st_size) &&
         std::uint64_t{head.records} * model::kMinAccessRecord <= head.bytes;
}

std::uint64_t draw_epoch() { return (Random::from_entropy().next() >> 1) | 1; }

}  // namespace

/// What one batch takes; records are views into `bytes`.
struct LogCollector::Taken {
  std::deque<std::string> bytes;
  std::vector<model::AccessRecord> records;
  std::vector<model::AccessLoss> damaged;  ///< records that were published and cannot be read
  std::vector<fs::path> finished;          ///< closed segments that are taken whole
  std::uint64_t size = 0;
  bool has_more = false;
};

Result<LogCollector> LogCollector::open(Options options) {
  YZ_CHECK(make_folder(options.outbox));
  LogCollector collector(std::move(options));
  YZ_CHECK(collector.restore());
  return collector;
}

/// The newest batch made says how far the spool is taken, whether it is still here or only its head in `last`.
Status LogCollector::restore() {
  const auto take = [this](const Result<std::string>& bytes) -> Status {
    if (!bytes) return fail(bytes.error());
    YZ_TRY(model::LogBatch batch, model::decode_log_batch(*bytes));
    // What an earlier collector left, of another epoch, says nothing of this one.
    const bool goes_on = batch.head.epoch == last_.epoch && batch.head.number > last_.number;
    if (last_.epoch == 0 || goes_on) last_ = std::move(batch.head);
    return {};
  };
  const auto kept = take(read_file(options_.outbox / kLast, model::kMaxLogBatch));
  if (!kept && kept.error().code != Code::kNotFound) {
    log::error("how far access logs were taken cannot be read, some may be sent twice: {}", kept.error().message);
  }
  for (const auto& [name, file] : files_in(options_.outbox, batch_name)) {
    if (const auto read = take(read_file(file, model::kMaxLogBatch)); !read) {
      log::error("access logs in '{}' are damaged, kept as .damaged: {}", file.native(), read.error().message);
      std::error_code ignored;
      fs::rename(file, file.native() + ".damaged", ignored);
    }
  }
  if (last_.epoch == 0) last_.epoch = draw_epoch();
  return {};
}

std::optional<LogCollector::Waiting> LogCollector::oldest() const {
  const auto files = files_in(options_.outbox, batch_name);
  if (files.empty()) return std::nullopt;
  const auto& [name, file] = *files.begin();
  return Waiting{name, file};
}

std::uint64_t LogCollector::outbox_bytes() const {
  std::uint64_t sum = 0;
  std::error_code error;
  for (const auto& [name, file] : files_in(options_.outbox, batch_name)) {
    const std::uint64_t size = fs::file_size(file, error);
    if (!error) sum += size;
  }
  return sum;
}

Result<bool> LogCollector::collect() {
  if (outbox_bytes() >= options_.max_outbox.value) {
    return fail(Code::kLimit, "access logs wait in the edge's spool: too many are not with control yet");
  }
  model::LogBatchHead next;
  next.node = options_.node;
  next.epoch = last_.epoch;
  next.number = last_.number + 1;
  Positions positions;
  for (const model::SegmentPosition& position : last_.positions) positions.emplace(position.segment, position);
  YZ_TRY(Taken taken, take_records(positions));

  next.losses = losses();
  for (const model::AccessLoss& damaged : taken.damaged) add_loss(next.losses, last_.epoch, damaged.hour, damaged.lost);
  if (taken.records.empty() && next.losses == last_.losses && taken.damaged.empty()) {
    remove_finished(taken.finished);
    return false;
  }
  for (const auto& [name, position] : positions) next.positions.push_back(position);
  YZ_TRY(CompressedLogs logs, compress_logs(std::move(taken.records), options_.node));
  next.slices = std::move(logs.slices);
  // From here on the records are in this batch, and in no other.
  YZ_CHECK(write_file_atomically(options_.outbox / file_name(model::SpoolName{next.epoch, next.number}, kSuffix),
                                 encode(next, logs.frames)));
  last_ = next;
  model::LogBatchHead head = std::move(next);
  head.slices.clear();
  YZ_CHECK(write_file_atomically(options_.outbox / kLast, encode(head, "")));
  remove_finished(taken.finished);
  return taken.has_more;
}

Result<LogCollector::Taken> LogCollector::take_records(Positions& positions) {
  Taken taken;
  const auto segments = files_in(options_.spool, &model::parse_segment_name);
  std::erase_if(positions, [&](const auto& known) { return !segments.contains(known.first); });
  for (const auto& [name, file] : segments) {
    if (taken.size >= options_.max_records.value || positions.size() >= model::kMaxLogPositions) {
      taken.has_more = true;
      break;
    }
    model::SegmentPosition& position =
        positions.try_emplace(name, model::SegmentPosition{.segment = name}).first->second;
    YZ_CHECK(take_segment(file, position, taken));
  }
  return taken;
}

Status LogCollector::take_segment(const fs::path& file, model::SegmentPosition& position, Taken& taken) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno == ENOENT ? Status() : fail_errno(fmt::format("cannot open '{}'", file.native()), errno);
  // Closed is read before the rest: whatever is found then is all there will ever be.
  YZ_TRY(const std::string before, read_range(fd.get(), 0, model::kSegmentHead));
  YZ_TRY(const std::string bytes, read_range(fd.get(), 0, model::kSegmentHead));
  const auto was = model::decode_segment_head(before);
  const auto head = model::decode_segment_head(bytes);
  if (!was || !head || !fits(*head, fd.get())) {
    log::error("'{}' is no access log, it is kept as .damaged: {}", file.native(),
               !was    ? was.error().message
               : !head ? head.error().message
                       : "it holds less than it says");
    std::error_code ignored;
    fs::rename(file, file.native() + ".damaged", ignored);
    return {};
  }
  if (head->bytes > position.bytes) {
    YZ_TRY(std::string fresh, read_range(fd.get(), model::kSegmentHead + position.bytes, head->bytes - position.bytes));
    taken.size += fresh.size();
    taken.bytes.push_back(std::move(fresh));
    model::AccessRecordReader reader(taken.bytes.back());
    while (const auto record = reader.next()) {
      taken.records.push_back(*record);
      ++position.records;
    }
    if (position.records < head->records) {
      const std::uint64_t lost = head->records - position.records;
      log::error("'{}' is damaged: {} lines of access logs are lost", file.native(), lost);
      add_loss(taken.damaged, last_.epoch, model::hour_of(head->created), lost);
    }
    position.bytes = head->bytes;
    position.records = head->records;
  }
  if (was->is_closed) taken.finished.push_back(file);
  return {};
}

/// What the edge could not write down, and what this collector found damaged before.
std::vector<model::AccessLoss> LogCollector::losses() const {
  std::vector<model::AccessLoss> out;
  for (const model::AccessLoss& known : last_.losses) {
    if (known.epoch == last_.epoch) out.push_back(known);
  }
  for (const auto& [epoch, file] : files_in(options_.spool, &model::parse_losses_name)) {
    const auto bytes = read_file(file, model::kLossesSize);
    const auto found = bytes ? model::decode_losses(*bytes) : fail(bytes.error());
    if (!found) {
      log::warn("'{}': {}", file.native(), found.error().message);
      continue;
    }
    out.insert(out.end(), found->begin(), found->end());
  }
  if (out.size() > model::kMaxLogLosses) out.resize(model::kMaxLogLosses);
  return out;
}

void LogCollector::remove_finished(const std::vector<fs::path>& finished) const {
  std::error_code ignored;
  for (const fs::path& file : finished) fs::remove(file, ignored);
}

}  // namespace yz::agent
