#include "edge/usage_ledger.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "model/codec.h"

namespace yz::edge {

namespace {

namespace fs = std::filesystem;
using Word = std::atomic<std::uint64_t>;

constexpr std::uint64_t kMagic = 0x3230'4745'4c5a'5955ULL;       // "UYZLEG02" in the file
constexpr std::uint64_t kFirstMagic = 0x3130'4745'4c5a'5955ULL;  // "UYZLEG01": its keys are packed otherwise
/// A batch without records says that nothing was served; a node without viewers sends one this often.
constexpr std::chrono::seconds kIdleBatchEvery{60};
constexpr std::size_t kPage = 4096;
constexpr std::size_t kValues = 6;
/// Cells of a table that keep their memory between flushes; what is touched beyond is given back.
constexpr std::uint32_t kResidentCells = 4096;
/// Cells to a page: tables are whole pages.
constexpr std::uint32_t kCellsPerPage = 64;

/// What a bank's number means.
enum BankState : std::uint64_t { kCounting = 0, kNumbered = 1, kSpooled = 2 };

/// A part of a packed key: where it begins and how many bits it has.
struct Bits {
  unsigned at, count;
  [[nodiscard]] constexpr std::uint64_t put(std::uint64_t value) const { return (value & mask()) << at; }
  [[nodiscard]] constexpr std::uint64_t get(std::uint64_t packed) const { return packed >> at & mask(); }
  [[nodiscard]] constexpr std::uint64_t mask() const { return (std::uint64_t{1} << count) - 1; }
};
constexpr Bits kResultBits{0, 3}, kClassBits{3, 3}, kTierBits{6, 1}, kTlsBits{7, 1}, kProtocolBits{8, 2},
    kIspBits{10, 4}, kProvinceBits{14, 6}, kCountryBits{20, 10}, kMinuteBits{30, 32};
constexpr std::uint64_t kTaken = std::uint64_t{1} << 63;

/// "CN" as a number of ten bits, 0 when unknown.
std::uint64_t pack_country(std::uint16_t country) {
  return country == 0 ? 0 : 1 + static_cast<std::uint64_t>((country >> 8) - 'A') * 26 + ((country & 0xff) - 'A');
}

std::uint16_t unpack_country(std::uint64_t packed) {
  return packed == 0 ? 0 : static_cast<std::uint16_t>(('A' + (packed - 1) / 26) << 8 | ('A' + (packed - 1) % 26));
}

/// The key but for the domain. The highest bit marks a cell as taken.
std::uint64_t pack(const model::UsageKey& key) {
  return kTaken | kMinuteBits.put(key.minute) | kCountryBits.put(pack_country(key.country)) |
         kProvinceBits.put(key.province) | kIspBits.put(key.isp) |
         kProtocolBits.put(static_cast<std::uint64_t>(key.protocol)) | kTlsBits.put(key.is_tls ? 1 : 0) |
         kTierBits.put(static_cast<std::uint64_t>(key.tier)) | kClassBits.put(key.status_class) |
         kResultBits.put(static_cast<std::uint64_t>(key.cache_result));
}

model::UsageKey unpack(std::uint64_t domain, std::uint64_t packed) {
  model::UsageKey key;
  key.domain = model::DomainId{domain};
  key.minute = static_cast<std::uint32_t>(kMinuteBits.get(packed));
  key.tier = static_cast<model::Tier>(kTierBits.get(packed));
  key.status_class = static_cast<std::uint8_t>(kClassBits.get(packed));
  key.cache_result = static_cast<model::CacheResult>(kResultBits.get(packed));
  key.protocol = static_cast<model::Protocol>(kProtocolBits.get(packed));
  key.is_tls = kTlsBits.get(packed) != 0;
  key.country = unpack_country(kCountryBits.get(packed));
  key.province = static_cast<std::uint8_t>(kProvinceBits.get(packed));
  key.isp = static_cast<std::uint8_t>(kIspBits.get(packed));
  return key;
}

/// The key of a ledger of version 1.
model::UsageKey unpack_first(std::uint64_t domain, std::uint64_t packed) {
  model::UsageKey key;
  key.domain = model::DomainId{domain};
  key.minute = static_cast<std::uint32_t>(packed >> 24);
  key.tier = static_cast<model::Tier>(packed >> 16 & 0xff);
  key.status_class = static_cast<std::uint8_t>(packed >> 8);
  key.cache_result = static_cast<model::CacheResult>(packed & 0xff);
  return key;
}

std::array<std::uint64_t, kValues> values_of(const model::UsageCounts& c) {
  return {c.requests, c.bytes_out, c.bytes_in, c.origin_requests, c.origin_bytes, c.duration_us};
}

std::string boot_id() {
  const auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
  return text ? text->substr(0, 36) : std::string("unknown");
}

WallTime to_wall(std::uint64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

std::uint64_t draw_epoch() {
  std::uint64_t epoch = 0;
  const std::string bytes = secret_bytes(sizeof epoch);
  std::memcpy(&epoch, bytes.data(), sizeof epoch);
  return (epoch >> 1) | 1;  // positive in a signed column, never zero
}

}  // namespace

// The mapped file: a page of header, a page for each worker, then the banks of cells. All of it is written by plain
// stores in program order, which a killed process has either made or not.

struct UsageLedger::Header {
  std::uint64_t magic;
  std::uint64_t workers;
  std::uint64_t cells;
  std::uint64_t epoch;
  std::uint64_t node;
  char boot[40];
  Word is_closed;  ///< 1: the last process ended in order
  Word next_number;
  Word bank_number[2];
  Word bank_state[2];
  // From version 2; in the header's page, so that a ledger of version 1 has zeros here.
  Word bank_from[2];   ///< of a numbered bank: the time it holds begins here (ms since the epoch)
  Word bank_until[2];  ///< and ends here
  Word covered_until;  ///< of what ended before, everything is in a batch that has a number
};

/// One worker's page: how many cells of each bank are taken, and the addition being made.
struct UsageLedger::Lane {
  Word used[2];
  // The addition: while `armed`, `values` are what the cell is to hold; making it so again changes nothing.
  Word armed;
  Word bank;
  Word cell;
  Word values[kValues];
};

struct UsageLedger::Cell {
  std::uint64_t domain;
  std::uint64_t packed;
  Word values[kValues];
};

class UsageLedger::Mapping {
 public:
  static std::size_t size_for(std::uint64_t workers, std::uint64_t cells) {
    return kPage + workers * kPage + 2 * workers * cells * sizeof(Cell);
  }
  Mapping(UniqueFd fd, void* base, std::size_t size)
      : fd_(std::move(fd)), base_(static_cast<char*>(base)), size_(size) {}
  ~Mapping() { ::munmap(base_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  [[nodiscard]] static Result<std::unique_ptr<Mapping>> map(UniqueFd fd, std::size_t size) {
    void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (base == MAP_FAILED) return fail_errno("cannot map the usage ledger", errno);
    return std::make_unique<Mapping>(std::move(fd), base, size);
  }

  [[nodiscard]] Header& header() const { return *reinterpret_cast<Header*>(base_); }
  [[nodiscard]] Lane& lane(std::uint64_t worker) const {
    return *reinterpret_cast<Lane*>(base_ + kPage + worker * kPage);
  }
  [[nodiscard]] Cell* cells(std::uint64_t bank, std::uint64_t worker) const {
    const std::size_t table = (bank * header().workers + worker) * header().cells;
    return reinterpret_cast<Cell*>(base_ + kPage + header().workers * kPage) + table;
  }
  /// Gives the memory of a table's cells from `from` to `to` back; they read as zero. False where the system cannot.
  [[nodiscard]] bool give_back(std::uint64_t bank, std::uint64_t worker, std::uint32_t from, std::uint32_t to) const {
    return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(bank, worker, from),
                       static_cast<off_t>((to - from) * sizeof(Cell))) == 0;
  }
  /// Makes sure that touching these cells cannot fail for want of disk: a store to a mapped page has no way to say so.
  [[nodiscard]] bool allocate(std::uint64_t bank, std::uint64_t worker, std::uint32_t from, std::uint32_t to) const {
    return ::posix_fallocate(fd_.get(), offset_of(bank, worker, from),
                             static_cast<off_t>((to - from) * sizeof(Cell))) == 0;
  }
  [[nodiscard]] bool allocate_lanes() const {
    return ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(kPage + header().workers * kPage)) == 0;
  }

 private:
  [[nodiscard]] off_t offset_of(std::uint64_t bank, std::uint64_t worker, std::uint32_t cell) const {
    return static_cast<off_t>(reinterpret_cast<char*>(cells(bank, worker) + cell) - base_);
  }
  UniqueFd fd_;
  char* base_;
  std::size_t size_;
};

/// Finds a key's cell in one bank of one worker; in memory only, made anew by each process.
class UsageLedger::Table {
 public:
  Table() : slots_(1024) {}

  /// The place that holds the key's cell number plus one, or zero where it belongs.
  [[nodiscard]] std::uint32_t& find(const Cell* cells, std::uint64_t domain, std::uint64_t packed) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = mix(domain, packed) & mask;; i = (i + 1) & mask) {
      std::uint32_t& slot = slots_[i];
      if (slot == 0 || (cells[slot - 1].domain == domain && cells[slot - 1].packed == packed)) return slot;
    }
  }
  void grow_for(const Cell* cells, std::uint32_t used) {
    if (used * 2 < slots_.size()) return;
    slots_.assign(slots_.size() * 2, 0);
    for (std::uint32_t i = 0; i < used; ++i) find(cells, cells[i].domain, cells[i].packed) = i + 1;
  }
  void clear() {
    slots_.assign(std::min<std::size_t>(slots_.size(), 2 * kResidentCells), 0);
    slots_.shrink_to_fit();
  }

 private:
  static std::uint64_t mix(std::uint64_t domain, std::uint64_t packed) {
    const std::uint64_t h = (domain * 0x9e3779b97f4a7c15ULL ^ packed) * 0xd6e8feb86659fd93ULL;
    return h ^ h >> 32;
  }
  std::vector<std::uint32_t> slots_;
};

struct alignas(64) UsageLedger::Worker {
  Table tables[2];
  std::uint32_t allocated[2] = {0, 0};  ///< cells whose pages are there
  std::atomic<unsigned> inside{0};      ///< bank being added to, plus one
};

UsageLedger::UsageLedger(Options options) : options_(std::move(options)) {
  for (unsigned i = 0; i < options_.workers; ++i) workers_.push_back(std::make_unique<Worker>());
}

Result<std::unique_ptr<UsageLedger>> UsageLedger::open(Options options) {
  YZ_ASSERT(options.workers > 0 && options.cells > 0);
  options.cells = (options.cells + kCellsPerPage - 1) / kCellsPerPage * kCellsPerPage;
  YZ_CHECK(make_folder(options.spool));
  if (options.file.has_parent_path()) YZ_CHECK(make_folder(options.file.parent_path()));
  std::unique_ptr<UsageLedger> ledger(new UsageLedger(std::move(options)));
  YZ_CHECK(ledger->load());
  return ledger;
}

UsageLedger::~UsageLedger() {
  if (mapping_ == nullptr) return;
  // Twice: a bank that could not be written before, and the one in use.
  for (int i = 0; i < 2; ++i) {
    if (const auto flushed = flush(); !flushed) {
      log::error("usage is left in the ledger: {}", flushed.error().message);
      return;
    }
  }
  mapping_->header().is_closed.store(1);
}

Status UsageLedger::load() {
  UniqueFd fd(::open(options_.file.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd && errno != ENOENT) return fail_errno(fmt::format("cannot open '{}'", options_.file.native()), errno);
  if (!fd) return create(draw_epoch(), 1, now_ms());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable, fmt::format("'{}' is in use by another process", options_.file.native()));
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("cannot look at the usage ledger", errno);
  const auto size = static_cast<std::size_t>(info.st_size);
  Header header{};
  if (size < kPage || ::pread(fd.get(), static_cast<void*>(&header), sizeof header, 0) != sizeof header ||
      (header.magic != kMagic && header.magic != kFirstMagic) || header.workers == 0 || header.workers > 4096 ||
      header.cells > (1U << 28) || size != Mapping::size_for(header.workers, header.cells)) {
    log::error("'{}' is not a usage ledger; it is set aside and a new epoch begins", options_.file.native());
    std::error_code ignored;
    fs::rename(options_.file, options_.file.native() + ".unreadable", ignored);
    return create(draw_epoch(), 1, now_ms());
  }
  YZ_TRY(mapping_, Mapping::map(std::move(fd), size));
  if (mapping_->header().is_closed.load() == 0 && boot_id() != mapping_->header().boot) {
    // The machine died: pages may be older than batches that were spooled from them.
    log::warn(
        "the machine went down without closing the usage ledger; what was not spooled is lost, a new epoch begins");
    return create(draw_epoch(), 1, now_ms());
  }
  return recover();
}

Status UsageLedger::create(std::uint64_t epoch, std::uint64_t next_number, std::uint64_t covered_until) {
  const std::string beside = options_.file.native() + ".new";
  UniqueFd fd(::open(beside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return fail_errno(fmt::format("cannot create '{}'", beside), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno("cannot lock the usage ledger", errno);
  const std::size_t size = Mapping::size_for(options_.workers, options_.cells);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return fail_errno("cannot size the usage ledger", errno);
  YZ_TRY(mapping_, Mapping::map(std::move(fd), size));
  Header& header = mapping_->header();
  header.workers = options_.workers;
  header.cells = options_.cells;
  header.epoch = epoch;
  header.node = options_.node.value;
  boot_id().copy(header.boot, sizeof header.boot - 1);
  header.next_number.store(next_number);
  header.covered_until.store(covered_until);
  header.magic = kMagic;
  YZ_CHECK(allocate_resident());
  if (::rename(beside.c_str(), options_.file.c_str()) != 0) return fail_errno("cannot install the usage ledger", errno);
  return {};
}

Status UsageLedger::recover() {
  Header& header = mapping_->header();
  for (std::uint64_t w = 0; w < header.workers; ++w) {
    Lane& lane = mapping_->lane(w);
    for (unsigned bank = 0; bank < 2; ++bank) {
      if (lane.used[bank].load() > header.cells)
        return fail(Code::kCorrupt, "the usage ledger counts cells it does not have");
    }
    if (lane.armed.load() == 0 || lane.bank.load() > 1 || lane.cell.load() >= header.cells) continue;
    Cell& cell = mapping_->cells(lane.bank.load(), w)[lane.cell.load()];
    for (std::size_t i = 0; i < kValues; ++i) cell.values[i].store(lane.values[i].load());
    lane.armed.store(0);
  }
  // Numbers first: an older batch before a younger one.
  const unsigned first = header.bank_state[1].load() != kCounting ? 1 : 0;
  for (const unsigned bank : {first, 1 - first}) {
    if (header.bank_state[bank].load() == kNumbered) {
      header.covered_until.store(std::max(header.covered_until.load(), header.bank_until[bank].load()));
      const std::uint64_t after = header.bank_number[bank].load() + 1;
      if (header.next_number.load() < after) header.next_number.store(after);
      const fs::path file = options_.spool / fmt::format("{}-{}.usage", header.epoch, header.bank_number[bank].load());
      if (fs::exists(file)) header.bank_state[bank].store(kSpooled);
    }
    if (header.bank_state[bank].load() == kSpooled) {
      clear(bank);
    } else if (!is_empty(bank) || header.bank_state[bank].load() == kNumbered) {
      YZ_CHECK(write_out(bank));
    }
  }
  const bool is_same_shape =
      header.magic == kMagic && header.workers == options_.workers && header.cells == options_.cells;
  if (!is_same_shape) {
    const std::uint64_t covered_until = header.magic == kMagic ? header.covered_until.load() : now_ms();
    return create(header.epoch, header.next_number.load(), covered_until);
  }
  header.node = options_.node.value;
  std::memset(header.boot, 0, sizeof header.boot);
  boot_id().copy(header.boot, sizeof header.boot - 1);
  header.is_closed.store(0);
  return allocate_resident();
}

Status UsageLedger::allocate_resident() {
  bool is_done = mapping_->allocate_lanes();
  const std::uint32_t resident = std::min(options_.cells, kResidentCells);
  for (unsigned w = 0; w < options_.workers; ++w) {
    for (const unsigned bank : {0U, 1U}) {
      is_done = is_done && mapping_->allocate(bank, w, 0, resident);
      workers_[w]->allocated[bank] = resident;
    }
  }
  if (!is_done) return fail(Code::kLimit, fmt::format("no room on disk for '{}'", options_.file.native()));
  return {};
}

void UsageLedger::add(unsigned worker, const model::UsageKey& key, const model::UsageCounts& counts) {
  Worker& mine = *workers_[worker];
  // Say which bank is being added to before looking again whether it is still the one: flush looks the other way round.
  unsigned bank = active_.load(std::memory_order_relaxed);
  for (;;) {
    mine.inside.store(bank + 1, std::memory_order_seq_cst);
    const unsigned now = active_.load(std::memory_order_seq_cst);
    if (now == bank) break;
    bank = now;
  }
  Lane& lane = mapping_->lane(worker);
  Cell* const cells = mapping_->cells(bank, worker);
  const std::uint64_t packed = pack(key);
  std::uint32_t* slot = &mine.tables[bank].find(cells, key.domain.value, packed);
  if (*slot == 0) {
    const auto used = static_cast<std::uint32_t>(lane.used[bank].load(std::memory_order_relaxed));
    if (used == mine.allocated[bank] && !allocate_more(worker, bank)) {
      mine.inside.store(0, std::memory_order_release);
      overflow(key, counts);
      return;
    }
    cells[used].domain = key.domain.value;
    cells[used].packed = packed;
    lane.used[bank].store(used + 1, std::memory_order_release);
    *slot = used + 1;
    mine.tables[bank].grow_for(cells, used + 1);
    slot = &mine.tables[bank].find(cells, key.domain.value, packed);
  }
  Cell& cell = cells[*slot - 1];
  const auto more = values_of(counts);
  lane.bank.store(bank, std::memory_order_relaxed);
  lane.cell.store(*slot - 1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kValues; ++i) {
    lane.values[i].store(cell.values[i].load(std::memory_order_relaxed) + more[i], std::memory_order_relaxed);
  }
  lane.armed.store(1, std::memory_order_release);
  // No store below may come before the one above, nor any above after `armed` is cleared: release on each.
  for (std::size_t i = 0; i < kValues; ++i) {
    cell.values[i].store(lane.values[i].load(std::memory_order_relaxed), std::memory_order_release);
  }
  lane.armed.store(0, std::memory_order_release);
  mine.inside.store(0, std::memory_order_release);
}

bool UsageLedger::allocate_more(unsigned worker, unsigned bank) {
  std::uint32_t& allocated = workers_[worker]->allocated[bank];
  const std::uint32_t more = std::min(options_.cells, allocated + kResidentCells);
  if (more == allocated || !mapping_->allocate(bank, worker, allocated, more)) return false;
  allocated = more;
  return true;
}

void UsageLedger::overflow(const model::UsageKey& key, const model::UsageCounts& counts) {
  const std::lock_guard lock(overflow_mutex_);
  overflow_[key] += counts;
}

Result<bool> UsageLedger::flush() {
  const std::lock_guard lock(flush_mutex_);
  Header& header = mapping_->header();
  const unsigned old = active_.load();
  const unsigned next = 1 - old;
  if (header.bank_state[next].load() != kCounting) {
    YZ_CHECK(write_out(next));
    return true;
  }
  {
    const std::lock_guard overflow_lock(overflow_mutex_);
    const bool is_idle = now_ms() < header.covered_until.load() + kIdleBatchEvery / std::chrono::milliseconds(1);
    if (is_empty(old) && overflow_.empty() && is_idle) return false;
  }
  active_.store(next, std::memory_order_seq_cst);
  for (const auto& worker : workers_) {
    while (worker->inside.load(std::memory_order_seq_cst) == old + 1) std::this_thread::yield();
  }
  {
    const std::lock_guard overflow_lock(overflow_mutex_);
    overflow_in_flush_ = std::exchange(overflow_, {});
  }
  YZ_CHECK(write_out(old));
  return true;
}

Status UsageLedger::write_out(unsigned bank) {
  Header& header = mapping_->header();
  if (header.bank_state[bank].load() == kCounting) {
    // A ledger of version 1 does not know since when it counts: both ends stay zero.
    const std::uint64_t from = header.covered_until.load();
    header.bank_from[bank].store(from);
    header.bank_until[bank].store(header.magic == kMagic ? std::max(from, now_ms()) : 0);
    header.bank_number[bank].store(header.next_number.load());
    header.bank_state[bank].store(kNumbered);
    header.next_number.store(header.bank_number[bank].load() + 1);
    header.covered_until.store(header.bank_until[bank].load());
  }
  if (header.bank_state[bank].load() == kNumbered) {
    std::map<model::UsageKey, model::UsageCounts> sums = overflow_in_flush_;
    const auto key_of = header.magic == kMagic ? unpack : unpack_first;
    for (std::uint64_t w = 0; w < header.workers; ++w) {
      const Cell* const cells = mapping_->cells(bank, w);
      for (std::uint64_t i = 0; i < mapping_->lane(w).used[bank].load(); ++i) {
        const auto& v = cells[i].values;
        const model::UsageCounts counts{v[0].load(), v[1].load(), v[2].load(), v[3].load(), v[4].load(), v[5].load()};
        if (counts != model::UsageCounts{}) sums[key_of(cells[i].domain, cells[i].packed)] += counts;
      }
    }
    model::UsageBatch batch{.node = model::NodeId{header.node},
                            .epoch = header.epoch,
                            .number = header.bank_number[bank].load(),
                            .records = {},
                            .covers_from = to_wall(header.bank_from[bank].load()),
                            .covers_until = to_wall(header.bank_until[bank].load())};
    for (const auto& [key, counts] : sums) batch.records.push_back({key, counts});
    const fs::path file = options_.spool / fmt::format("{}-{}.usage", batch.epoch, batch.number);
    YZ_CHECK(write_file_atomically(file, model::encode(batch)));
    header.bank_state[bank].store(kSpooled);
    overflow_in_flush_.clear();
  }
  clear(bank);
  return {};
}

void UsageLedger::clear(unsigned bank) {
  Header& header = mapping_->header();
  for (std::uint64_t w = 0; w < header.workers; ++w) {
    Lane& lane = mapping_->lane(w);
    const auto used = static_cast<std::uint32_t>(lane.used[bank].load());
    // Zeroed whole: a cell is taken anew with no more than its key.
    std::uint32_t to_zero = used;
    const auto end = static_cast<std::uint32_t>(header.cells);
    if (used > kResidentCells && mapping_->give_back(bank, w, kResidentCells, end)) to_zero = kResidentCells;
    std::memset(static_cast<void*>(mapping_->cells(bank, w)), 0, to_zero * sizeof(Cell));
    lane.used[bank].store(0);
    if (w >= workers_.size()) continue;
    workers_[w]->tables[bank].clear();
    if (to_zero != used) workers_[w]->allocated[bank] = kResidentCells;
  }
  header.bank_state[bank].store(kCounting);
}

bool UsageLedger::is_empty(unsigned bank) const {
  for (std::uint64_t w = 0; w < mapping_->header().workers; ++w) {
    if (mapping_->lane(w).used[bank].load() != 0) return false;
  }
  return true;
}

std::uint64_t UsageLedger::now_ms() const {
  return static_cast<std::uint64_t>(options_.clock->wall().time_since_epoch().count());
}

std::uint64_t UsageLedger::epoch() const { return mapping_->header().epoch; }
std::uint64_t UsageLedger::next_number() const { return mapping_->header().next_number.load(); }

}  // namespace yz::edge
