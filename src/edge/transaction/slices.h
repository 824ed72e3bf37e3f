#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "cache/fill.h"
#include "edge/sliced_object.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/transaction.h"
#include "http/range.h"
#include "io/task.h"

namespace yz::edge {

struct Handoff;

/// The slices a request for a range asks the upstream for where the object's length is not known: those that its first
/// range touches, within one group; the first one for a suffix. None: the whole is asked for. `seen`: what is stored.
[[nodiscard]] std::optional<http::ByteRange> first_slices(const Transaction& tx, const cache::Object* seen);

/// Answers from an object in slices, `asked` of it or all; missing ones are fetched as they are needed. A
/// request that finds the object changed before its first byte was sent starts over (serve), later its connection ends
/// without a clean end: versions are never mixed.
[[nodiscard]] io::Task<void> respond_sliced(Transaction& tx, cache::Ref<cache::Object> root, http::RangeSet asked);

/// Fetches bytes of a known version for this client alone and sends them as part of its body; what can be had neither
/// from the cache nor through it. `total`: the length of that version. False: the connection is lost, or the bytes
/// could not be had, or not be proved.
[[nodiscard]] io::Task<bool> send_alone(Transaction& tx, http::StrongValidator version, std::uint64_t total,
                                        http::ByteRange bytes);

/// One viewer's way through the slices of a range: the one being sent, and a few more that are on their way in.
class SliceViewer {
 public:
  SliceViewer(Transaction& tx, SlicedObject object);
  ~SliceViewer();
  SliceViewer(const SliceViewer&) = delete;
  SliceViewer& operator=(const SliceViewer&) = delete;

  /// True when all that the ranges need is stored now. Looks at no more than a group of slices.
  [[nodiscard]] bool has_all(std::span<const http::ByteRange> ranges) const;
  /// Makes sure that the range's first byte can be sent: its slice is stored, or arriving and proved to be of this
  /// version. Fails with kConflict when the object changed, else with the upstream's error.
  [[nodiscard]] io::Task<Status> open(http::ByteRange range);
  /// Sends the range. False: the connection is lost or was given up.
  [[nodiscard]] io::Task<bool> send(http::ByteRange range);

 private:
  /// Where a slice is: stored, arriving, or (neither) nowhere that has room for it.
  struct Place {
    std::uint64_t index = 0;
    bool is_known = false;
    cache::Ref<cache::Object> stored;
    std::unique_ptr<cache::FillReader> arriving;
  };
  [[nodiscard]] Place find(std::uint64_t index);
  [[nodiscard]] cache::Ref<cache::Object> stored(std::uint64_t index) const;
  [[nodiscard]] bool is_on_disk(std::uint64_t index) const;
  /// Brings it back to memory if it is on disk.
  [[nodiscard]] io::Task<void> recall(std::uint64_t index);
  void look_ahead(std::uint64_t index);
  [[nodiscard]] io::Task<Status> settle(Place& place);
  [[nodiscard]] io::Task<bool> send_part(Place& place, http::ByteRange part);
  [[nodiscard]] io::Task<bool> send_arriving(Place& place, http::ByteRange part);

  Transaction& tx_;
  SlicedObject object_;
  std::shared_ptr<Handoff> tally_;
  std::uint64_t last_byte_ = 0;  ///< of the range being sent: how far it is worth asking
  std::deque<Place> ahead_;      ///< consecutive slices
  FairShare share_;
};

}  // namespace yz::edge
