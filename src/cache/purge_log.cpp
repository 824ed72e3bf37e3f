#include "cache/purge_log.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

namespace yz::cache {

namespace {

/// Writes all of `bytes` at `at` and waits until they are on disk.
Status write_durably(int fd, std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno("cannot write the purge log", errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
    at += static_cast<std::uint64_t>(put);
  }
  if (::fdatasync(fd) != 0) return fail_errno("cannot sync the purge log", errno);
  return {};
}

PurgeTable::Times later(PurgeTable::Times a, PurgeTable::Times b) {
  return {std::max(a.hard, b.hard), std::max(a.soft, b.soft)};
}

PurgeVerdict judge(PurgeTable::Times times, Seq born) {
  if (times.hard > born.value) return PurgeVerdict::kDead;
  return times.soft > born.value ? PurgeVerdict::kStale : PurgeVerdict::kLive;
}

/// The last purge of any folder the target lies in: "/", "/a/", "/a/b/" for "/a/b/c?x=/d".
PurgeTable::Times times_of_directories(const PurgeTable& table, std::string_view host, std::string_view target) {
  PurgeTable::Times times;
  const std::string_view path = target.substr(0, target.find('?'));
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '/') continue;
    times = later(times, table.find(PurgeKind::kDirectory, directory_id(host, path.substr(0, i + 1))));
  }
  return times;
}

}  // namespace

Result<std::unique_ptr<PurgeLog>> PurgeLog::open(Options options) {
  std::unique_ptr<PurgeLog> log(new PurgeLog(std::move(options)));
  YZ_CHECK(log->load());
  return log;
}

Status PurgeLog::load() {
  if (options_.file.empty()) return {};
  if (options_.file.has_parent_path()) YZ_CHECK(make_folder(options_.file.parent_path()));
  fd_ = UniqueFd(::open(options_.file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd_) return fail_errno(fmt::format("cannot open '{}'", options_.file.native()), errno);
  YZ_TRY(const std::string bytes, read_file(options_.file));
  auto decoded = decode_purge_file(bytes);
  if (!decoded) return fail(std::move(decoded).error().with_context(options_.file.native()));
  for (const PurgeRecord& record : decoded->records) make_effective(record);
  applied_.store(latest_.load());
  if (decoded->is_damaged) {
    log::error("purge log '{}' is damaged after {} records; what follows is asked for again from number {}",
               options_.file.native(), decoded->records.size(), applied_.load() + 1);
  }
  file_size_ = decoded->good_size;
  file_records_ = decoded->records.size();
  if (::ftruncate(fd_.get(), static_cast<off_t>(file_size_)) != 0) {
    return fail_errno(fmt::format("cannot cut the torn end off '{}'", options_.file.native()), errno);
  }
  if (file_size_ == 0) {
    const std::string header = encode_purge_header();
    YZ_CHECK(write_durably(fd_.get(), header, 0));
    file_size_ = header.size();
  }
  return {};
}

Result<Seq> PurgeLog::apply(std::span<const PurgeRecord> records) {
  const std::lock_guard lock(mutex_);
  return apply_locked(records, false);
}

Result<Seq> PurgeLog::apply_locked(std::span<const PurgeRecord> records, bool may_skip) {
  std::uint64_t applied = applied_.load(std::memory_order_relaxed);
  std::vector<PurgeRecord> fresh;
  bool has_gap = false;
  for (const PurgeRecord& record : records) {
    if (record.seq.value <= applied) continue;
    const bool may_jump = may_skip || record.kind == PurgeKind::kResync || record.kind == PurgeKind::kMark;
    if (record.seq.value != applied + 1 && !may_jump) {
      has_gap = true;
      break;
    }
    fresh.push_back(record);
    applied = record.seq.value;
  }
  // Effective first: nothing that was purged is served while the disk is slow or full.
  for (const PurgeRecord& record : fresh) make_effective(record);
  if (!fresh.empty()) {
    YZ_CHECK(append(fresh));
    applied_.store(applied, std::memory_order_release);
  }
  if (has_gap) {
    return fail(Code::kConflict,
                fmt::format("purge records are missing: {} was applied last and the next one given is not {}", applied,
                            applied + 1));
  }
  if (table_.size() > options_.max_targets) forget_older_half();
  if (file_records_ > options_.compact_above && file_records_ > 2 * (table_.size() + 3)) YZ_CHECK(compact());
  return Seq{applied};
}

Result<Seq> PurgeLog::resync(Seq seq) {
  const PurgeRecord record{seq, PurgeKind::kResync, false, 0};
  return apply(std::span(&record, 1));
}

Result<Seq> PurgeLog::apply_next(PurgeKind kind, std::uint64_t id, bool is_hard) {
  const std::lock_guard lock(mutex_);
  // A number that took effect but did not reach the disk is not used for anything else.
  const PurgeRecord record{Seq{latest_.load() + 1}, kind, is_hard, id};
  return apply_locked(std::span(&record, 1), true);
}

void PurgeLog::make_effective(const PurgeRecord& record) {
  table_.add(record);
  if (record.seq.value > latest_.load(std::memory_order_relaxed)) {
    latest_.store(record.seq.value, std::memory_order_release);
  }
}

Status PurgeLog::append(std::span<const PurgeRecord> records) {
  if (!fd_) return {};
  std::string bytes;
  for (const PurgeRecord& record : records) append_purge_record(bytes, record);
  if (auto written = write_durably(fd_.get(), bytes, file_size_); !written) {
    // Cut back to what is whole, so that a later start sees no half record before later ones.
    if (::ftruncate(fd_.get(), static_cast<off_t>(file_size_)) != 0) {
      return fail(std::move(written).error().with_context("and the torn end could not be cut off"));
    }
    return written;
  }
  file_size_ += bytes.size();
  file_records_ += records.size();
  return {};
}

Status PurgeLog::compact() {
  if (!fd_) {
    file_records_ = 0;
    return {};
  }
  std::vector<PurgeRecord> kept = table_.records();
  // Last, so that a file damaged before it does not claim to have applied what it lost.
  kept.push_back({Seq{applied_.load()}, PurgeKind::kMark, false, 0});
  std::string bytes = encode_purge_header();
  for (const PurgeRecord& record : kept) append_purge_record(bytes, record);
  YZ_CHECK(write_file_atomically(options_.file, bytes));
  UniqueFd fd(::open(options_.file.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("cannot open '{}'", options_.file.native()), errno);
  fd_ = std::move(fd);
  file_size_ = bytes.size();
  file_records_ = kept.size();
  return {};
}

void PurgeLog::forget_older_half() {
  const std::vector<PurgeRecord> all = table_.records();
  table_.fold_before(all[all.size() / 2].seq.value);
  // Objects that were checked up to the latest record are not asked again; those born before the fold were checked
  // against each record that it swallowed, or will be found stale.
}

PurgeVerdict PurgeLog::verdict(Seq born, BaseId base, std::string_view host, std::string_view target,
                               std::span<const std::uint32_t> tags) const {
  PurgeTable::Times times = later(table_.all(), table_.find(PurgeKind::kUrl, base.value));
  times = later(times, table_.find(PurgeKind::kHost, host_id(host)));
  if (table_.last_directory() > born.value) times = later(times, times_of_directories(table_, host, target));
  if (table_.last_tag() > born.value) {
    for (const std::uint32_t tag : tags) times = later(times, table_.find(PurgeKind::kTag, tag));
  }
  return judge(times, born);
}

PurgeVerdict PurgeLog::look_up(Object& object, std::uint64_t latest) const {
  const PurgeVerdict verdict =
      this->verdict(object.born(), object.base(), object.host(), object.target(), object.tags());
  if (verdict == PurgeVerdict::kDead) return verdict;
  if (verdict == PurgeVerdict::kStale) object.marks_.fetch_or(Object::kSoftPurged, std::memory_order_relaxed);
  object.set_checked(latest);
  return object.is_soft_purged() ? PurgeVerdict::kStale : PurgeVerdict::kLive;
}

std::size_t PurgeLog::file_records() const {
  const std::lock_guard lock(mutex_);
  return file_records_;
}

std::size_t PurgeLog::targets() const {
  const std::lock_guard lock(mutex_);
  return table_.size();
}

}  // namespace yz::cache
