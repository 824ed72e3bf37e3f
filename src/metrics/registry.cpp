#include "metrics/registry.h"

#include <deque>
#include <iterator>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "base/result.h"

namespace yz::metrics {

namespace {

enum class Kind : std::uint8_t { kCounter, kGauge, kHistogram };

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

struct Series {
  Labels labels;
  std::uint32_t slot = kDiscardSlot;   ///< counters and histograms
  std::atomic<std::int64_t> level{0};  ///< gauges
  std::function<double()> read;        ///< set: the value comes from here
  Histogram::Shape shape;
};

struct Family {
  Kind kind = Kind::kCounter;
  std::string help;
  std::deque<Series> series;  ///< addresses are handed out, so they must not move
};

bool is_name(std::string_view name) {
  const auto is_start = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':'; };
  if (name.empty() || !is_start(name.front())) return false;
  for (const char c : name) {
    if (!is_start(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text, bool quote) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quote) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

/// `name{a="b",le="c"} `; `le` empty: none.
void append_series(std::string& out, std::string_view name, const Labels& labels, std::string_view le = {}) {
  out += name;
  char before = '{';
  for (const Label& label : labels) {
    out += before;
    out += label.name;
    out += "=\"";
    append_escaped(out, label.value, true);
    out += '"';
    before = ',';
  }
  if (!le.empty()) {
    fmt::format_to(std::back_inserter(out), "{}le=\"{}\"", before, le);
    before = ',';
  }
  if (before == ',') out += '}';
  out += ' ';
}

void append_histogram(std::string& out, const std::string& name, const Series& series) {
  const Histogram::Snapshot all = Histogram(series.slot).snapshot();
  std::uint64_t below = 0;
  std::uint32_t bucket = 0;
  for (std::uint64_t bound = series.shape.lowest; bound <= series.shape.highest; bound *= 2) {
    while (bucket < Histogram::kBuckets && Histogram::upper_bound(bucket) <= bound) below += all.buckets[bucket++];
    append_series(out, name + "_bucket", series.labels,
                  fmt::format("{}", static_cast<double>(bound) * series.shape.unit));
    fmt::format_to(std::back_inserter(out), "{}\n", below);
  }
  append_series(out, name + "_bucket", series.labels, "+Inf");
  fmt::format_to(std::back_inserter(out), "{}\n", all.count);
  append_series(out, name + "_sum", series.labels);
  fmt::format_to(std::back_inserter(out), "{}\n", static_cast<double>(all.sum) * series.shape.unit);
  append_series(out, name + "_count", series.labels);
  fmt::format_to(std::back_inserter(out), "{}\n", all.count);
}

}  // namespace

struct Registry::State {
  mutable std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  /// The series of that name and those labels, made when missing.
  Series& series(Kind kind, std::string_view name, std::string_view help, const Labels& labels) {
    auto found = families.find(name);
    if (found == families.end()) {
      YZ_ASSERT(is_name(name));
      found = families.emplace(std::string(name), Family{}).first;
      found->second.kind = kind;
      found->second.help = help;
    }
    Family& family = found->second;
    YZ_ASSERT(family.kind == kind);
    for (Series& one : family.series) {
      if (one.labels == labels) return one;
    }
    for (const Label& label : labels) YZ_ASSERT(is_name(label.name) && label.name.find(':') == std::string::npos);
    Series& made = family.series.emplace_back();
    made.labels = labels;
    return made;
  }
};

Registry::Registry() : state_(std::make_unique<State>()) {}

Registry::~Registry() {
  for (const auto& [name, family] : state_->families) {
    for (const Series& series : family.series) {
      if (series.slot == kDiscardSlot) continue;
      release_slots(series.slot, family.kind == Kind::kHistogram ? Histogram::kSlots : 1);
    }
  }
}

Counter Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->series(Kind::kCounter, name, help, labels);
  if (series.slot == kDiscardSlot) series.slot = reserve_slots(1);
  return Counter(series.slot);
}

Gauge Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  return Gauge(&state_->series(Kind::kGauge, name, help, labels).level);
}

Histogram Registry::histogram(std::string_view name, std::string_view help, const Histogram::Shape& shape,
                              const Labels& labels) {
  const std::lock_guard lock(state_->mutex);
  Series& series = state_->series(Kind::kHistogram, name, help, labels);
  if (series.slot == kDiscardSlot) {
    series.slot = reserve_slots(Histogram::kSlots);
    series.shape = shape;
  }
  return Histogram(series.slot);
}

void Registry::gauge_from(std::string_view name, std::string_view help, const Labels& labels,
                          std::function<double()> read) {
  const std::lock_guard lock(state_->mutex);
  state_->series(Kind::kGauge, name, help, labels).read = std::move(read);
}

void Registry::counter_from(std::string_view name, std::string_view help, const Labels& labels,
                            std::function<double()> read) {
  const std::lock_guard lock(state_->mutex);
  state_->series(Kind::kCounter, name, help, labels).read = std::move(read);
}

std::string Registry::expose() const {
  const std::lock_guard lock(state_->mutex);
  std::string out;
  for (const auto& [name, family] : state_->families) {
    out += fmt::format("# HELP {} ", name);
    append_escaped(out, family.help, false);
    out += fmt::format("\n# TYPE {} {}\n", name, name_of(family.kind));
    for (const Series& series : family.series) {
      if (family.kind == Kind::kHistogram) {
        append_histogram(out, name, series);
        continue;
      }
      append_series(out, name, series.labels);
      if (series.read) {
        out += fmt::format("{}\n", series.read());
      } else if (family.kind == Kind::kGauge) {
        out += fmt::format("{}\n", series.level.load(std::memory_order_relaxed));
      } else {
        out += fmt::format("{}\n", sum_slot(series.slot));
      }
    }
  }
  return out;
}

}  // namespace yz::metrics
