#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "cache/fill.h"
#include "edge/slice_desk.h"
#include "edge/sliced_object.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/phases.h"
#include "edge/upstream/forward.h"
#include "edge/worker.h"
#include "io/task.h"

namespace yz::edge {

/// What slices are fetched with, its own or held: the viewer who caused it may be gone.
struct SliceSource {
  Worker& worker;
  std::shared_ptr<const ConfigPtr> held;
  const Site& site;
  Forwarded forwarded;  ///< the request, without conditions and ranges
  SlicedObject object;
  std::shared_ptr<Handoff> tally;  ///< counts what was asked of whom
};

/// Makes `request` ask for some bytes of a known version (RFC 9110 §13.1.5, §14.2), of the node that has their group.
void ask_for_part(Forwarded& request, const http::StrongValidator& version, const http::ByteRange& bytes,
                  std::uint64_t group);

/// Brings in a run of slices that nobody else does, from one request upstream, each into a fill of its own that any
/// viewer joins. Leads a few slices ahead of the one that is arriving, and goes on only as far as somebody reads one of
/// those: TCP then holds the upstream back. An upstream that breaks off is asked for the rest (If-Range), a few times;
/// if it then has another version, all end with kConflict and the root is forgotten. One reactor.
class SliceRun {
 public:
  /// Slices from `first` to before `end`. `lead` is the writer of the first, or none: then it is led here.
  SliceRun(SliceSource source, std::uint64_t first, std::uint64_t end, cache::FillWriter lead);
  SliceRun(SliceRun&&) = default;

  /// The first slices' producing ends, so that whoever looks from now on follows.
  void lead_ahead();
  /// An answer with bytes of this version is here already; its body begins at byte `at`. `is_whole`: it is the
  /// representation from its first byte on, so this run is the trunk that others join.
  void begin_with(Answer answer, std::uint64_t at, bool is_whole);
  /// Runs until the end, or nobody wants more.
  [[nodiscard]] io::Task<void> run();

 private:
  [[nodiscard]] const SliceLayout& layout() const { return source_.object.layout(); }
  [[nodiscard]] cache::FillWriter lead_slice(std::uint64_t index);
  [[nodiscard]] bool is_wanted() const;
  [[nodiscard]] bool is_last_resort() const;
  [[nodiscard]] io::Task<bool> wait_until_wanted();
  [[nodiscard]] io::Task<bool> open();
  [[nodiscard]] io::Task<bool> ask();
  [[nodiscard]] bool take_whole(Answer answer);
  void become_trunk();
  void publish();
  [[nodiscard]] io::Task<bool> stream_slice();
  [[nodiscard]] io::Task<std::span<char>> room(bool skips, std::uint64_t limit);
  void note_break(Error error);
  void fail_all();
  void forget_root();

  SliceSource source_;
  std::uint64_t next_;    ///< the slice that arrives, or is due
  std::uint64_t end_;     ///< behind the last
  std::uint64_t wanted_;  ///< goes on at least to here without asking who reads
  std::shared_ptr<io::Waiters> bell_;
  std::shared_ptr<SliceTrunk> trunk_;    ///< set while the body is a whole one
  std::deque<cache::FillWriter> leads_;  ///< of next_ and those behind it; empty ones are somebody else's
  std::optional<Answer> answer_;
  std::uint64_t at_ = 0;         ///< the byte the answer's body is at
  std::uint64_t position_ = 0;   ///< the byte that is due
  std::uint64_t opened_at_ = 0;  ///< `position_` when the answer came
  int attempts_ = 0;             ///< since the last progress
  bool is_final_ = false;        ///< asking again is of no use
  std::optional<Error> error_;
  std::unique_ptr<char[]> scratch_;  ///< for bytes nobody needs
  FairShare share_;
};

/// The task of a run.
[[nodiscard]] io::Task<void> run_slices(SliceRun run);

/// Fetches slices from `first` to before `end` in the background for whoever follows; `lead` is that of the first.
void start_slices(SliceSource source, std::uint64_t first, std::uint64_t end, cache::FillWriter lead);

}  // namespace yz::edge
