#include "gslb/class_map.h"

#include <algorithm>
#include <bit>
#include <map>

#include "geo/address_value.h"

namespace yz::gslb {
namespace {

using geo::AddressValue;

constexpr int kV4UnitBits = 24;
constexpr int kV6UnitBits = 56;
/// Majorities inside wider subnets are computed ahead down to here; below, the few runs are counted when asked.
constexpr int kV4InnerBits = 16;
constexpr int kV6InnerBits = 32;
/// Counting stops here; by then the largest class of a subnet is known well enough.
constexpr std::size_t kMaxCountedRuns = 4096;

// The index goes by these leading bits: all of IPv4's, and 20 behind the 001 of IPv6's global space (2000::/3).
constexpr int kIndexBits = 20;
constexpr int kV6IndexSkip = 3;

/// Length of the block of 2^k units around `unit` that stays inside [first, last], as k.
int widest(std::uint64_t unit, std::uint64_t first, std::uint64_t last, int unit_bits) {
  int k = unit_bits;
  // A block of 2^k holds both x and y exactly when k exceeds the highest bit in which they differ.
  if (first > 0) k = std::min(k, static_cast<int>(std::bit_width(unit ^ (first - 1))) - 1);
  const std::uint64_t end = std::uint64_t{1} << unit_bits;
  if (last + 1 < end) k = std::min(k, static_cast<int>(std::bit_width(unit ^ (last + 1))) - 1);
  return k;
}

std::uint64_t unit_of(const IpAddress& address) {
  return address.is_v4() ? address.v4_value() >> (32 - kV4UnitBits) : geo::high_half(address) >> (64 - kV6UnitBits);
}

using Weights = std::map<std::uint16_t, std::uint64_t>;

ClassId heaviest(const Weights& weights) {
  const auto it = std::max_element(weights.begin(), weights.end(),
                                   [](const auto& a, const auto& b) { return a.second < b.second; });
  return ClassId{it == weights.end() ? std::uint16_t{0} : it->first};
}

}  // namespace

/// Turns one family's ranges into runs of units.
class ClassMap::Compiler {
 public:
  Compiler(ClassMap& out, std::map<sched::ClientClass, ClassId>& numbers) : out_(out), numbers_(numbers) {}

  void run(IpFamily which, const geo::GeoMap& map, const std::vector<geo::Layer::Range>& overrides) {
    family_ = which == IpFamily::kV4 ? &out_.v4_ : &out_.v6_;
    family_->unit_bits = which == IpFamily::kV4 ? kV4UnitBits : kV6UnitBits;
    family_->inner_bits = which == IpFamily::kV4 ? kV4InnerBits : kV6InnerBits;
    shift_ = (which == IpFamily::kV4 ? 32 : 128) - family_->unit_bits;
    auto next = overrides.begin();
    map.for_each_range(which, [&](const IpAddress& first, const IpAddress& last, const geo::GeoInfo& info) {
      AddressValue at = geo::value_of(first);
      const AddressValue end = geo::value_of(last);
      while (next != overrides.end() && next->first <= end) {
        if (at < next->first) add(at, next->first - 1, info);
        const AddressValue covered_to = std::min(next->last, end);
        add(std::max(at, next->first), covered_to, geo::overlay(info, next->facts));
        if (next->last > end || covered_to == geo::last_value(which)) return;
        at = covered_to + 1;
        ++next;
        if (at > end) return;
      }
      add(at, end, info);
    });
    flush();
    cut_out_private(which);
    family_->build_index();
    const std::uint64_t last_unit = (std::uint64_t{1} << family_->unit_bits) - 1;
    (void)weigh(0, family_->firsts.size() - 1, 0, last_unit, 0);
  }

 private:
  ClassId number_of(const geo::GeoInfo& info) {
    const auto client = sched::class_of(info);
    const auto [it, is_new] = numbers_.try_emplace(client, ClassId{static_cast<std::uint16_t>(out_.classes_.size())});
    if (is_new) {
      YZ_ASSERT(out_.classes_.size() < UINT16_MAX);
      out_.classes_.push_back(client);
    }
    return it->second;
  }

  void add(AddressValue first, AddressValue last, const geo::GeoInfo& info) {
    const ClassId id = number_of(info);
    const AddressValue unit_size = AddressValue{1} << shift_;
    while (first <= last) {
      const auto unit = static_cast<std::uint64_t>(first >> shift_);
      const bool is_whole = (first & (unit_size - 1)) == 0 && last - first >= unit_size - 1;
      if (is_whole) {
        flush();
        const auto units = static_cast<std::uint64_t>((last - first) >> shift_) +
                           (((last - first) & (unit_size - 1)) == unit_size - 1 ? 1 : 0);
        append(unit, id);
        const AddressValue covered = (AddressValue{units} << shift_) - 1;
        if (last - first == covered) return;
        first += covered + 1;
        continue;
      }
      if (mixed_unit_ != unit) flush();
      mixed_unit_ = unit;
      const AddressValue unit_last = (AddressValue{unit} << shift_) + unit_size - 1;
      const AddressValue end = std::min(last, unit_last);
      // Only the proportion counts; the low bits of IPv6 would not fit.
      mixed_[id.value] += static_cast<std::uint64_t>((end - first) >> (shift_ > 32 ? 16 : 0)) + 1;
      if (end == last) return;
      first = end + 1;
    }
  }

  /// Ends a unit of several classes.
  void flush() {
    if (!mixed_.empty()) append(mixed_unit_, heaviest(mixed_));
    mixed_.clear();
  }

  void append(std::uint64_t unit, ClassId id) {
    if (!family_->ids.empty() && family_->ids.back() == id) return;
    family_->firsts.push_back(unit);
    family_->ids.push_back(id);
  }

  void cut_out_private(IpFamily which) {
    static const IpPrefix kBlocks[kPrivateClasses] = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("172.16.0.0/12"),
                                                      *IpPrefix::parse("192.168.0.0/16"), *IpPrefix::parse("fc00::/7")};
    for (std::uint16_t i = 0; i < kPrivateClasses; ++i) {
      const auto& block = kBlocks[i];
      if (block.address.family() != which) continue;
      const std::uint64_t first = unit_of(block.address);
      const std::uint64_t end = first + (std::uint64_t{1} << (family_->unit_bits - block.length));
      Family old = std::move(*family_);
      *family_ = Family{old.unit_bits, old.inner_bits, {}, {}, {}, {}};
      ClassId at_end{};
      bool is_cut = false;
      for (std::size_t r = 0; r < old.firsts.size(); ++r) {
        const std::uint64_t run_first = old.firsts[r];
        if (run_first < end) at_end = old.ids[r];
        if (!is_cut && run_first >= first) {
          append(first, ClassId{i});
          is_cut = true;
        }
        if (run_first >= end && family_->firsts.back() < end) append_at(end, at_end, run_first);
        if (run_first < first || run_first >= end) append(run_first, old.ids[r]);
      }
      if (!is_cut) append(first, ClassId{i});
      const bool reaches_end = end == std::uint64_t{1} << family_->unit_bits;
      if (!reaches_end && family_->firsts.back() < end) append(end, at_end);
    }
  }
  /// Resumes the run that a private block interrupted, unless another begins right there.
  void append_at(std::uint64_t unit, ClassId id, std::uint64_t next_first) {
    if (next_first != unit) append(unit, id);
  }

  /// Weights of the classes in [first, last], whose runs are those from `low` to `high`. Notes the majority of every
  /// mixed block on the way.
  Weights weigh(std::size_t low, std::size_t high, std::uint64_t first, std::uint64_t last, int length) {
    Weights weights;
    if (low == high || length == family_->inner_bits) {
      for (std::size_t r = low; r <= high; ++r) {
        const std::uint64_t from = std::max(first, family_->firsts[r]);
        weights[family_->ids[r].value] += std::min(last, family_->end_of(r)) - from + 1;
      }
    } else {
      const std::uint64_t middle = first + (last - first) / 2;
      const auto begin = family_->firsts.begin();
      const auto split =
          static_cast<std::size_t>(std::upper_bound(begin + static_cast<std::ptrdiff_t>(low),
                                                    begin + static_cast<std::ptrdiff_t>(high) + 1, middle) -
                                   begin) -
          1;
      const bool starts_behind = split < high && family_->firsts[split + 1] == middle + 1;
      weights = weigh(low, split, first, middle, length + 1);
      Weights right = weigh(starts_behind ? split + 1 : split, high, middle + 1, last, length + 1);
      if (right.size() > weights.size()) weights.swap(right);
      for (const auto& [id, weight] : right) weights[id] += weight;
    }
    if (low != high) {
      const std::uint64_t prefix = first >> (family_->unit_bits - length);
      family_->inner[std::uint64_t{1} << length | prefix] = heaviest(weights);
    }
    return weights;
  }

  ClassMap& out_;
  std::map<sched::ClientClass, ClassId>& numbers_;
  Family* family_ = nullptr;
  int shift_ = 0;
  std::uint64_t mixed_unit_ = 0;
  Weights mixed_;
};

std::shared_ptr<const ClassMap> ClassMap::compile(const geo::GeoMap& map, const geo::Layer& overrides) {
  std::shared_ptr<ClassMap> out(new ClassMap);
  out->classes_.resize(kPrivateClasses);
  std::map<sched::ClientClass, ClassId> numbers;
  for (const auto which : {IpFamily::kV4, IpFamily::kV6}) {
    Compiler(*out, numbers).run(which, map, overrides.flattened(which));
  }
  return out;
}

std::size_t ClassMap::run_count(IpFamily which) const { return family(which).firsts.size(); }

void ClassMap::Family::build_index() {
  // Entry i: the run that holds the first unit of block i; the last entry: that of the end of the indexed space.
  const int skip = unit_bits == kV4UnitBits ? 0 : kV6IndexSkip;
  const int shift = unit_bits - skip - kIndexBits;
  const std::uint64_t base = skip == 0 ? 0 : std::uint64_t{1} << (unit_bits - skip);
  index.resize((std::size_t{1} << kIndexBits) + 1);
  std::size_t run = 0;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const std::uint64_t unit = base + (std::uint64_t{i} << shift);
    while (run + 1 < firsts.size() && firsts[run + 1] <= unit) ++run;
    index[i] = static_cast<std::uint32_t>(run);
  }
}

std::size_t ClassMap::Family::run_at(std::uint64_t unit) const {
  const int skip = unit_bits == kV4UnitBits ? 0 : kV6IndexSkip;
  const int shift = unit_bits - skip - kIndexBits;
  const std::uint64_t base = skip == 0 ? 0 : std::uint64_t{1} << (unit_bits - skip);
  std::size_t low = 0;
  std::size_t high = firsts.size() - 1;
  if (unit < base) {
    high = index.front();
  } else if (const std::uint64_t block = (unit - base) >> shift; block + 1 < index.size()) {
    low = index[block];
    high = index[block + 1];
  } else {
    low = index.back();
  }
  std::size_t length = high - low + 1;
  while (length > 1) {
    const std::size_t half = length / 2;
    low += firsts[low + half] <= unit ? half : 0;
    length -= half;
  }
  return low;
}

std::uint64_t ClassMap::Family::end_of(std::size_t run) const {
  return run + 1 < firsts.size() ? firsts[run + 1] - 1 : (std::uint64_t{1} << unit_bits) - 1;
}

ClassId ClassMap::Family::majority(std::size_t first_run, std::uint64_t first, std::uint64_t last) const {
  Weights weights;
  for (std::size_t r = first_run; r < firsts.size() && firsts[r] <= last && r - first_run < kMaxCountedRuns; ++r) {
    weights[ids[r].value] += std::min(last, end_of(r)) - std::max(first, firsts[r]) + 1;
  }
  return heaviest(weights);
}

ClassMap::Block ClassMap::find(const IpPrefix& subnet) const {
  const Family& in = family(subnet.address.family());
  const std::uint64_t unit = unit_of(subnet.address);
  const std::size_t run = in.run_at(unit);
  const int k = widest(unit, in.firsts[run], in.end_of(run), in.unit_bits);
  Block out;
  out.length = static_cast<std::uint8_t>(in.unit_bits - k);
  out.id = in.ids[run];
  if (subnet.length >= out.length) {
    out.is_private = is_private(out.id);
    return out;
  }
  out.is_majority = true;
  if (subnet.length <= in.inner_bits) {
    const std::uint64_t prefix = unit >> (in.unit_bits - subnet.length);
    const auto it = in.inner.find(std::uint64_t{1} << subnet.length | prefix);
    YZ_ASSERT(it != in.inner.end());  // a subnet wider than its first block holds several runs
    out.id = it->second;
  } else {
    const std::uint64_t last = unit | ((std::uint64_t{1} << (in.unit_bits - subnet.length)) - 1);
    out.id = in.majority(run, unit, last);
  }
  out.is_private = is_private(out.id);
  return out;
}

}  // namespace yz::gslb
