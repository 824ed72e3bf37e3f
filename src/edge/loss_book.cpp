#include "edge/loss_book.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"

namespace yz::edge {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kKept{24 * 31};
constexpr std::size_t kProbes = 32;
constexpr std::uint64_t kFree = 0;
constexpr std::uint64_t kBeingTaken = 1;

/// The newest book's epoch when it can be gone on with.
std::optional<std::uint64_t> find_book(const fs::path& folder, WallTime now) {
  std::optional<std::uint64_t> newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto epoch = model::parse_losses_name(entry.path().filename().native());
    if (!epoch) continue;
    if (WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(*epoch))) + kKept < now) {
      fs::remove(entry.path(), error);
    } else {
      newest = std::max(newest.value_or(0), *epoch);
    }
  }
  if (!newest) return std::nullopt;
  const auto bytes = read_file(folder / model::losses_file_name(*newest), model::kLossesSize);
  const auto losses = bytes ? model::decode_losses(*bytes) : fail(bytes.error());
  if (!losses) log::warn("the book of lost access log lines is begun anew: {}", losses.error().message);
  return losses && losses->size() < model::kLossCells / 2 ? newest : std::nullopt;
}

}  // namespace

struct LossBook::Cell {
  std::atomic<std::uint64_t> tag;
  std::atomic<std::uint64_t> domain;
  std::atomic<std::uint64_t> lost;
};

LossBook::Cell* LossBook::cells() const { return reinterpret_cast<Cell*>(base_ + model::kLossesHead); }

Result<std::unique_ptr<LossBook>> LossBook::open(const fs::path& folder, WallTime now) {
  static_assert(sizeof(Cell) * model::kLossCells + model::kLossesHead == model::kLossesSize);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  const auto found = find_book(folder, now);
  const auto epoch = found.value_or(static_cast<std::uint64_t>(now.time_since_epoch().count()));
  const fs::path file = folder / model::losses_file_name(epoch);
  if (!found) {
    std::string empty = model::encode_losses_head(epoch);
    empty.resize(model::kLossesSize);
    YZ_CHECK(write_file_atomically(file, empty));
  }
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return fail_errno(fmt::format("cannot open '{}'", file.native()), errno);
  // A store to a mapped page has no way to say that the disk is full.
  if (const int error = ::posix_fallocate(fd.get(), 0, model::kLossesSize); error != 0) {
    return fail_errno(fmt::format("cannot allocate '{}'", file.native()), error);
  }
  void* base = ::mmap(nullptr, model::kLossesSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (base == MAP_FAILED) return fail_errno(fmt::format("cannot map '{}'", file.native()), errno);
  return std::unique_ptr<LossBook>(new LossBook(static_cast<char*>(base)));
}

LossBook::~LossBook() { ::munmap(base_, model::kLossesSize); }

void LossBook::add(std::uint32_t hour, model::DomainId domain, std::uint64_t requests) {
  const std::uint64_t tag = model::loss_tag(hour);
  const std::size_t start = std::hash<model::DomainId>()(domain) ^ hour;
  for (std::size_t i = 0; i < kProbes; ++i) {
    Cell& cell = cells()[1 + (start + i) % (model::kLossCells - 1)];
    std::uint64_t seen = cell.tag.load(std::memory_order_acquire);
    if (seen == kFree && cell.tag.compare_exchange_strong(seen, kBeingTaken)) {
      cell.domain.store(domain.value, std::memory_order_relaxed);
      cell.tag.store(tag, std::memory_order_release);
      seen = tag;
    }
    if (seen != tag || cell.domain.load(std::memory_order_relaxed) != domain.value) continue;
    cell.lost.fetch_add(requests, std::memory_order_relaxed);
    return;
  }
  cells()[0].lost.fetch_add(requests, std::memory_order_relaxed);
}

}  // namespace yz::edge
