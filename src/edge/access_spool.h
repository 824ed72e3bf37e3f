#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "metrics/registry.h"
#include "model/access_record.h"
#include "model/access_spool.h"

namespace yz::edge {

class LossBook;

/// Writes customers' access logs down for the agent to take: one record a request, into segments mapped MAP_SHARED, so
/// that what is written survives kill -9 of this process. A record costs its worker one copy into memory that is there
/// already: no lock, no allocation, no system call. A thread of the spool's own makes segments ahead, allocated on disk
/// and touched, and closes full ones. When the disk or the budget is full there is none: the request goes on, what was
/// not written is counted by domain and hour. The files: docs/formats/access-spool.md.
class AccessSpool {
 public:
  struct Options {
    std::filesystem::path folder;  ///< "<epoch>-<number>.access", "<epoch>.losses"; one process at a time
    ByteCount budget = gib(1);     ///< all segments together, those made ahead too; the agent removes what it took
    ByteCount segment = mib(4);
    unsigned lanes = 1;  ///< workers
    const Clock* clock = &SystemClock::instance();
  };
  /// Closes what an earlier process left. Fails with kIo, kPermission or kLimit (no room for the losses' file).
  [[nodiscard]] static Result<std::unique_ptr<AccessSpool>> open(Options options, metrics::Registry& metrics);
  /// Closes the segments.
  ~AccessSpool();
  AccessSpool(const AccessSpool&) = delete;
  AccessSpool& operator=(const AccessSpool&) = delete;

  /// Only lane `lane`'s thread.
  void add(unsigned lane, const model::AccessRecord& record);

  /// Requests that were not written down since the start. Any thread.
  [[nodiscard]] std::uint64_t lost() const { return lost_.value(); }
  /// One round of the spool's thread: closes what is full, makes what is missing. Any thread; waits for the disk.
  void keep_house();

 private:
  struct Segment;
  struct Lane;

  AccessSpool(Options options, metrics::Registry& metrics);
  [[nodiscard]] Status close_left_behind();
  [[nodiscard]] Result<std::unique_ptr<Segment>> make_segment(std::uint64_t number) const;
  void close(std::unique_ptr<Segment> segment) const;
  void collect_retired(Lane& lane) const;
  /// Hands the lane's segment to the spool's thread and takes the one made ahead; null when there is none.
  Segment* change_segment(Lane& lane);
  [[nodiscard]] std::uint64_t bytes_on_disk() const;
  void run();

  const Options options_;
  const std::uint64_t epoch_;
  std::unique_ptr<LossBook> losses_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  metrics::Counter written_;
  metrics::Counter lost_;
  metrics::Gauge bytes_;
  std::mutex house_mutex_;         // one round at a time
  std::uint64_t next_number_ = 1;  // guarded by house_mutex_
  bool said_full_ = false;         // guarded by house_mutex_
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;  // guarded by wake_mutex_
  std::thread keeper_;
};

}  // namespace yz::edge
