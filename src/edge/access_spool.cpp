#include "edge/access_spool.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "edge/loss_book.h"

namespace yz::edge {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kRound{200};
constexpr std::string_view kUnfinished = ".new";

std::uint64_t now_ms(const Clock& clock) { return static_cast<std::uint64_t>(clock.wall().time_since_epoch().count()); }

/// Says that nothing more comes and gives back what was allocated behind the records.
Status close_file(int fd, std::uint32_t bytes) {
  const std::uint64_t closed = 1;
  if (::pwrite(fd, &closed, sizeof closed, model::kSegmentClosedAt) != sizeof closed) {
    return fail_errno("cannot close a segment of the access spool", errno);
  }
  if (::ftruncate(fd, static_cast<off_t>(model::kSegmentHead + bytes)) != 0) {
    return fail_errno("cannot shorten a segment of the access spool", errno);
  }
  return {};
}

}  // namespace

/// A mapped file. The head's word of what is published is the only one that the writer and readers share.
struct AccessSpool::Segment {
  UniqueFd fd;
  fs::path file;
  char* base = nullptr;
  std::size_t size = 0;
  std::uint32_t hour = 0;  // of its first record
  std::uint32_t records = 0;
  std::uint32_t bytes = 0;
  Segment* next = nullptr;  // among the retired

  ~Segment() {
    if (base != nullptr) ::munmap(base, size);
  }
  [[nodiscard]] bool add(const model::AccessRecord& record) {
    char* const at = base + model::kSegmentHead + bytes;
    const std::size_t used = model::encode(record, {at, size - model::kSegmentHead - bytes});
    if (used == 0) return false;
    bytes += static_cast<std::uint32_t>(used);
    ++records;
    auto* word = reinterpret_cast<std::atomic<std::uint64_t>*>(base + model::kSegmentPublishedAt);
    word->store(model::published_word(records, bytes), std::memory_order_release);
    return true;
  }
};

struct alignas(64) AccessSpool::Lane {
  Segment* current = nullptr;  // the worker's
  std::atomic<Segment*> ahead{nullptr};
  std::atomic<Segment*> retired{nullptr};  // a stack
};

AccessSpool::AccessSpool(Options options, metrics::Registry& metrics)
    : options_(std::move(options)), epoch_(now_ms(*options_.clock)) {
  for (unsigned i = 0; i < options_.lanes; ++i) lanes_.push_back(std::make_unique<Lane>());
  written_ = metrics.counter("yz_edge_access_log_lines_total", "Requests written down for customers' access logs.");
  lost_ = metrics.counter("yz_edge_access_log_lost_total",
                          "Requests that customers' access logs lack: the disk or the budget was full.");
  bytes_ = metrics.gauge("yz_edge_access_spool_bytes", "Access logs on disk that the agent has not taken yet.");
}

Result<std::unique_ptr<AccessSpool>> AccessSpool::open(Options options, metrics::Registry& metrics) {
  YZ_ASSERT(options.lanes > 0 && options.segment.value > model::kSegmentHead + model::kMaxAccessRecord);
  YZ_CHECK(make_folder(options.folder));
  std::unique_ptr<AccessSpool> spool(new AccessSpool(std::move(options), metrics));
  YZ_TRY(spool->losses_, LossBook::open(spool->options_.folder, spool->options_.clock->wall()));
  YZ_CHECK(spool->close_left_behind());
  spool->keep_house();
  spool->keeper_ = std::thread([raw = spool.get()] { raw->run(); });
  return spool;
}

AccessSpool::~AccessSpool() {
  {
    const std::lock_guard lock(wake_mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  if (keeper_.joinable()) keeper_.join();
  for (const auto& lane : lanes_) {
    collect_retired(*lane);
    for (Segment* left : {lane->current, lane->ahead.exchange(nullptr)}) {
      if (left != nullptr) close(std::unique_ptr<Segment>(left));
    }
  }
}

/// What a killed process published is whole: it only has to be called finished.
Status AccessSpool::close_left_behind() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.folder, error)) {
    if (entry.path().extension() == kUnfinished) fs::remove(entry.path(), error);
    if (!model::parse_segment_name(entry.path().filename().native())) continue;
    const UniqueFd fd(::open(entry.path().c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return fail_errno(fmt::format("cannot open '{}'", entry.path().native()), errno);
    std::string bytes(model::kSegmentHead, '\0');
    const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    const auto head = model::decode_segment_head(bytes);
    if (!head) {
      log::error("'{}' is no access log, it is left as it is: {}", entry.path().native(), head.error().message);
    } else if (head->bytes == 0) {
      fs::remove(entry.path(), error);
    } else if (!head->is_closed) {
      YZ_CHECK(close_file(fd.get(), head->bytes));
    }
  }
  return error ? fail_errno(fmt::format("cannot list '{}'", options_.folder.native()), error.value()) : Status();
}

// ---- the worker's side

void AccessSpool::add(unsigned lane_index, const model::AccessRecord& record) {
  Lane& lane = *lanes_[lane_index];
  const std::uint32_t hour = model::hour_of(record.ended);
  Segment* segment = lane.current;
  const bool is_over = segment != nullptr && segment->hour != hour && segment->records > 0 &&
                       lane.ahead.load(std::memory_order_relaxed) != nullptr;
  if (segment == nullptr || is_over || !segment->add(record)) {
    segment = change_segment(lane);
    if (segment == nullptr || !segment->add(record)) {
      losses_->add(hour, record.domain, 1);
      lost_.add();
      return;
    }
    segment->hour = hour;
  }
  written_.add();
}

AccessSpool::Segment* AccessSpool::change_segment(Lane& lane) {
  Segment* next = lane.ahead.exchange(nullptr, std::memory_order_acquire);
  Segment* full = std::exchange(lane.current, next);
  if (full != nullptr) {
    full->next = lane.retired.load(std::memory_order_relaxed);
    while (!lane.retired.compare_exchange_weak(full->next, full, std::memory_order_release)) {
    }
  }
  if (next != nullptr) wake_.notify_one();
  return next;
}

// ---- the spool's own thread

void AccessSpool::run() {
  std::unique_lock lock(wake_mutex_);
  while (!is_stopping_) {
    wake_.wait_for(lock, kRound);
    if (is_stopping_) return;
    lock.unlock();
    keep_house();
    lock.lock();
  }
}

void AccessSpool::keep_house() {
  const std::lock_guard lock(house_mutex_);
  std::uint64_t used = bytes_on_disk();
  for (const auto& lane : lanes_) {
    collect_retired(*lane);
    if (lane->ahead.load(std::memory_order_relaxed) != nullptr) continue;
    const bool fits = used + options_.segment.value <= options_.budget.value;
    auto made = fits ? make_segment(next_number_) : fail(Code::kLimit, "the budget is used up");
    if (!made) {
      if (!std::exchange(said_full_, true)) log::error("access logs lose lines: {}", made.error().message);
      break;
    }
    said_full_ = false;
    ++next_number_;
    used += options_.segment.value;
    lane->ahead.store(made->release(), std::memory_order_release);
  }
  bytes_.set(static_cast<std::int64_t>(used));
}

void AccessSpool::collect_retired(Lane& lane) const {
  Segment* segment = lane.retired.exchange(nullptr, std::memory_order_acquire);
  while (segment != nullptr) {
    Segment* const next = segment->next;
    close(std::unique_ptr<Segment>(segment));
    segment = next;
  }
}

std::uint64_t AccessSpool::bytes_on_disk() const {
  std::uint64_t sum = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.folder, error)) {
    if (!model::parse_segment_name(entry.path().filename().native())) continue;
    const std::uint64_t size = entry.file_size(error);
    if (!error) sum += size;  // else the agent took it meanwhile
  }
  return sum;
}

Result<std::unique_ptr<AccessSpool::Segment>> AccessSpool::make_segment(std::uint64_t number) const {
  const model::SegmentHead head{.name = {epoch_, number}, .created = options_.clock->wall()};
  auto segment = std::make_unique<Segment>();
  segment->file = options_.folder / model::file_name(head.name);
  const fs::path beside = segment->file.native() + std::string(kUnfinished);  // until its head is written
  segment->fd = UniqueFd(::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!segment->fd) return fail_errno(fmt::format("cannot create '{}'", beside.native()), errno);
  const auto give_up = [&](std::string_view what, int error) {
    ::unlink(beside.c_str());
    return fail_errno(fmt::format("{} '{}'", what, segment->file.native()), error);
  };
  const auto size = static_cast<std::size_t>(options_.segment.value);
  // A store to a mapped page has no way to say that the disk is full.
  if (const int error = ::posix_fallocate(segment->fd.get(), 0, static_cast<off_t>(size)); error != 0) {
    return give_up("cannot allocate", error);
  }
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, segment->fd.get(), 0);
  if (base == MAP_FAILED) return give_up("cannot map", errno);
  segment->base = static_cast<char*>(base);
  segment->size = size;
  // Workers shall not wait for page faults; a kernel that cannot do it leaves them to the first touch.
  (void)::madvise(base, size, MADV_POPULATE_WRITE);
  std::memcpy(segment->base, model::encode(head).data(), model::kSegmentHead);
  if (::rename(beside.c_str(), segment->file.c_str()) != 0) return give_up("cannot name", errno);
  return segment;
}

void AccessSpool::close(std::unique_ptr<Segment> segment) const {
  if (segment->records == 0) {
    ::unlink(segment->file.c_str());
    return;
  }
  // Unmapped first: pages behind the records are about to go.
  ::munmap(segment->base, segment->size);
  segment->base = nullptr;
  if (const auto closed = close_file(segment->fd.get(), segment->bytes); !closed) {
    log::error("'{}': {}", segment->file.native(), closed.error().message);
  }
}

}  // namespace yz::edge
