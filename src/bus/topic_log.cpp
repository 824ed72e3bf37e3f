#include "bus/topic_log.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace yz::bus {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSuffix = ".seg";

/// Twenty digits, so that names sort as numbers do.
std::string file_name(Offset first) { return fmt::format("{:020}{}", first.value, kSuffix); }

std::optional<Offset> offset_of(const fs::path& path) {
  const std::string name = path.filename().native();
  if (name.size() != 20 + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  const auto number = parse_u64(std::string_view(name).substr(0, 20));
  if (!number || *number == 0) return std::nullopt;
  return Offset{*number};
}

Result<std::size_t> read_at(int fd, char* to, std::size_t size, std::uint64_t position) {
  for (;;) {
    const ssize_t got = ::pread(fd, to, size, static_cast<off_t>(position));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return fail_errno("cannot read a segment of the bus log", errno);
  }
}

Status write_at(int fd, std::string_view bytes, std::uint64_t position) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno("cannot write a segment of the bus log", errno);
    bytes.remove_prefix(static_cast<std::size_t>(put));
    position += static_cast<std::uint64_t>(put);
  }
  return {};
}

}  // namespace

TopicLog::TopicLog(fs::path folder, RetentionOptions options, const Clock& clock)
    : folder_(std::move(folder)), options_(options), clock_(clock) {}

Result<std::unique_ptr<TopicLog>> TopicLog::open(fs::path folder, RetentionOptions options, const Clock& clock) {
  YZ_CHECK(make_folder(folder));
  std::unique_ptr<TopicLog> log(new TopicLog(std::move(folder), options, clock));
  YZ_CHECK(log->load());
  const std::lock_guard lock(log->mutex_);
  log->retire(clock.wall());
  return log;
}

Status TopicLog::load() {
  std::vector<std::pair<Offset, fs::path>> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (const auto first = offset_of(entry.path())) files.emplace_back(*first, entry.path());
  }
  if (error) return fail_errno(fmt::format("cannot list '{}'", folder_.native()), error.value());
  std::sort(files.begin(), files.end());
  for (const auto& [first, path] : files) {
    auto segment = std::make_shared<Segment>();
    segment->path = path;
    segment->first = first;
    segment->fd = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!segment->fd) return fail_errno(fmt::format("cannot open '{}'", path.native()), errno);
    const bool is_newest = &path == &files.back().second;
    if (auto recovered = recover(*segment, is_newest); !recovered) {
      return fail(std::move(recovered).error().with_context(path.native()));
    }
    segments_.push_back(std::move(segment));
  }
  return {};
}

/// Learns a segment's size and newest time. The newest is scanned whole: what follows its last good record was being
/// written when the process died, and is cut off. Older ones were complete when their successor was begun.
Status TopicLog::recover(Segment& segment, bool is_newest) {
  struct stat status{};
  if (::fstat(segment.fd.get(), &status) != 0) return fail_errno("cannot stat", errno);
  const auto file_size = static_cast<std::uint64_t>(status.st_size);
  head_ = std::max(head_, Offset{segment.first.value - 1});
  if (!is_newest) {
    segment.size = file_size;
    segment.newest = WallTime(std::chrono::milliseconds(status.st_mtim.tv_sec * 1000LL));
    return {};
  }
  YZ_TRY(const std::string content, read_file(segment.path));
  if (file_size < kSegmentHeaderSize) {  // died while it made the file
    YZ_CHECK(write_at(segment.fd.get(), encode_segment_header(segment.first), 0));
    segment.size = kSegmentHeaderSize;
    return {};
  }
  YZ_TRY(const Offset first, decode_segment_header(content));
  if (first != segment.first) return fail(Code::kCorrupt, "the file's name is not that of its content");
  std::uint64_t good = kSegmentHeaderSize;
  for (;;) {
    const auto record = decode_record(std::string_view(content).substr(good));
    if (!record || !*record || (*record)->offset.value != head_.value + 1) break;
    head_ = (*record)->offset;
    segment.newest = (*record)->at;
    good += (*record)->size;
  }
  if (good < file_size) {
    log::warn("bus: {} bytes after record {} of '{}' were cut off", file_size - good, head_.value,
              segment.path.native());
    if (::ftruncate(segment.fd.get(), static_cast<off_t>(good)) != 0) return fail_errno("cannot truncate", errno);
  }
  segment.size = good;
  return {};
}

Status TopicLog::begin_segment() {
  auto segment = std::make_shared<Segment>();
  segment->first = Offset{head_.value + 1};
  segment->path = folder_ / file_name(segment->first);
  segment->fd = UniqueFd(::open(segment->path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!segment->fd) return fail_errno(fmt::format("cannot create '{}'", segment->path.native()), errno);
  if (auto written = write_at(segment->fd.get(), encode_segment_header(segment->first), 0); !written) {
    ::unlink(segment->path.c_str());
    return written;
  }
  segment->size = kSegmentHeaderSize;
  segments_.push_back(std::move(segment));
  return {};
}

Result<Offset> TopicLog::append(std::string_view bytes) {
  if (bytes.size() > kMaxMessage) {
    return fail(Code::kLimit, fmt::format("a message of {} bytes; the limit is {}", bytes.size(), kMaxMessage));
  }
  const WallTime now = clock_.wall();
  Offset offset;
  {
    const std::lock_guard lock(mutex_);
    if (segments_.empty() || segments_.back()->size >= options_.segment_size.value) {
      YZ_CHECK(begin_segment());
      retire(now);
    }
    Segment& segment = *segments_.back();
    offset = Offset{head_.value + 1};
    std::string record;
    append_record(record, offset, now, bytes);
    Status written = write_at(segment.fd.get(), record, segment.size);
    if (written && options_.sync_each && ::fdatasync(segment.fd.get()) != 0) {
      written = fail_errno("cannot sync the bus log", errno);
    }
    if (!written) {
      (void)!::ftruncate(segment.fd.get(), static_cast<off_t>(segment.size.load()));
      return fail(std::move(written).error());
    }
    segment.newest = now;
    segment.size += record.size();
    head_ = offset;
  }
  changed_.notify_all();
  return offset;
}

/// Removes the oldest segments that are over age or size; never the newest, which also remembers the next offset.
void TopicLog::retire(WallTime now) {
  std::uint64_t total = 0;
  for (const SegmentPtr& segment : segments_) total += segment->size;
  while (segments_.size() > 1) {
    const Segment& oldest = *segments_.front();
    if (total <= options_.keep_size.value && now - oldest.newest <= options_.keep_age) return;
    total -= oldest.size;
    ::unlink(oldest.path.c_str());
    segments_.pop_front();
  }
}

Offset TopicLog::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

Offset TopicLog::oldest() const {
  const std::lock_guard lock(mutex_);
  return segments_.empty() ? Offset{head_.value + 1} : segments_.front()->first;
}

SegmentPtr TopicLog::find(Offset from) const {
  const std::lock_guard lock(mutex_);
  if (from > head_) return nullptr;
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), from,
                                      [](Offset offset, const SegmentPtr& segment) { return offset < segment->first; });
  return after == segments_.begin() ? segments_.front() : *std::prev(after);
}

SegmentPtr TopicLog::after(const Segment& segment) const {
  const std::lock_guard lock(mutex_);
  const auto later = std::upper_bound(segments_.begin(), segments_.end(), segment.first,
                                      [](Offset offset, const SegmentPtr& s) { return offset < s->first; });
  return later == segments_.end() ? nullptr : *later;
}

bool TopicLog::wait_beyond(Offset after, std::stop_token stop) const {
  std::unique_lock lock(mutex_);
  return changed_.wait(lock, stop, [&] { return head_ > after; });
}

Status LogReader::fill(std::size_t need) {
  buffer_.erase(0, consumed_);
  file_position_ += consumed_;
  consumed_ = 0;
  const std::uint64_t end = segment_->size;
  const std::size_t have = buffer_.size();
  const std::uint64_t available = end - file_position_ - have;
  const std::size_t want = std::min<std::uint64_t>(available, std::max<std::size_t>(need, 64U << 10));
  buffer_.resize(have + want);
  auto got = read_at(segment_->fd.get(), buffer_.data() + have, want, file_position_ + have);
  buffer_.resize(have + (got ? *got : 0));
  if (!got) return fail(std::move(got).error());
  return {};
}

/// The next record of the current segment, whatever its offset; none at the segment's end.
Result<std::optional<Record>> LogReader::next_in_segment() {
  for (std::size_t need = kRecordHeaderSize;; need = kRecordHeaderSize + kMaxMessage) {
    const std::string_view rest = std::string_view(buffer_).substr(consumed_);
    YZ_TRY(auto record, decode_record(rest));
    if (record) {
      consumed_ += record->size;
      return record;
    }
    const std::uint64_t known = file_position_ + buffer_.size();
    if (known >= segment_->size) {
      if (!rest.empty()) return fail(Code::kCorrupt, "a segment ends inside a record");
      return std::nullopt;
    }
    YZ_CHECK(fill(need));
    if (file_position_ + buffer_.size() == known) return fail(Code::kCorrupt, "a segment is shorter than it was");
  }
}

Result<std::optional<Record>> LogReader::next() {
  for (;;) {
    if (!segment_) {
      SegmentPtr found = log_.find(next_);
      if (!found) return std::nullopt;
      enter(std::move(found));
    }
    auto record = next_in_segment();
    if (record && *record) {
      if ((*record)->offset < next_) continue;
      next_ = Offset{(*record)->offset.value + 1};
      return record;
    }
    SegmentPtr later = log_.after(*segment_);
    if (!later) return record;
    if (!record) log::error("bus: '{}': {}; skipped the rest", segment_->path.native(), record.error().message);
    // Its last record may have been written between our read and the start of the next segment.
    if (record && file_position_ + buffer_.size() < segment_->size) continue;
    enter(std::move(later));
  }
}

void LogReader::enter(SegmentPtr segment) {
  segment_ = std::move(segment);
  file_position_ = kSegmentHeaderSize;
  buffer_.clear();
  consumed_ = 0;
  next_ = std::max(next_, segment_->first);
}

}  // namespace yz::bus
