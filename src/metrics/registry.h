#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/counter.h"
#include "metrics/histogram.h"

namespace yz::metrics {

/// One label of a time series; values may hold any UTF-8, they are escaped when exposed.
struct Label {
  std::string name;
  std::string value;
  friend bool operator==(const Label&, const Label&) = default;
};
using Labels = std::vector<Label>;

/// `Content-Type` of what `Registry::expose` returns.
inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

/// Names of a program's metrics and the way from a name to its cells. Made once per program, handed to rooms when they
/// are built; they keep the small handles. Handles must not be used after their registry is gone.
///
/// The same name and labels give the same handle again. A name is one kind of metric: asking for it as another kind, or
/// with a name outside [a-zA-Z_:][a-zA-Z0-9_:]*, is a broken invariant. All functions are for any thread; registering
/// and exposing take a lock, updating through handles does not.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// A count that only grows; by convention the name ends in "_total".
  [[nodiscard]] Counter counter(std::string_view name, std::string_view help, const Labels& labels = {});
  /// A value that goes up and down, set by whoever knows it.
  [[nodiscard]] Gauge gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  /// A distribution; see Histogram::Shape for units and range.
  [[nodiscard]] Histogram histogram(std::string_view name, std::string_view help, const Histogram::Shape& shape,
                                    const Labels& labels = {});

  /// A gauge, or a counter, whose value is asked for at exposition. `read` runs on the exposing thread under the
  /// registry's lock: it must be quick, thread-safe and must not touch the registry. Asked for again, it replaces
  /// `read`.
  void gauge_from(std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read);
  void counter_from(std::string_view name, std::string_view help, const Labels& labels, std::function<double()> read);

  /// All metrics in the Prometheus text exposition format 0.0.4, families by name, series in order of registration.
  [[nodiscard]] std::string expose() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace yz::metrics
