#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace yz::store {

/// Counters that several instances of control share for a while, in Redis: what may be lost without harm, nothing else.
/// A server that does not answer in time is left alone for a moment, so that its loss costs nobody more than one
/// timeout. Blocks (call it from a blocking pool); any thread may call.
class Redis final {
 public:
  struct Options {
    std::chrono::milliseconds timeout{100};  ///< of connecting, and of an answer
    std::chrono::milliseconds pause{2'000};  ///< after a failure
    std::size_t connections = 16;            ///< kept; more are made and closed when needed
  };

  /// `redis://[[USER]:PASSWORD@]HOST[:PORT][/NUMBER]`; connects to nothing. Fails with kInvalid.
  [[nodiscard]] static Result<std::unique_ptr<Redis>> open(std::string_view url, Options options);
  [[nodiscard]] static Result<std::unique_ptr<Redis>> open(std::string_view url) { return open(url, Options()); }
  /// Whether open() would take the URL. Never repeats a password.
  [[nodiscard]] static Status check_url(std::string_view url);
  ~Redis();
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  /// Adds one to a counter that is forgotten when nobody has added for `life`; its new value. Fails with kUnavailable,
  /// at once while the server is left alone.
  [[nodiscard]] Result<std::uint64_t> add_one(std::string_view key, std::chrono::milliseconds life);

 private:
  class Pool;
  explicit Redis(std::unique_ptr<Pool> pool);
  std::unique_ptr<Pool> pool_;
};

}  // namespace yz::store
