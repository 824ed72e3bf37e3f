#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/fd.h"
#include "base/result.h"

namespace yz::edge {

struct Transaction;

/// Writes one JSON line a request, on a thread of its own. Workers collect lines and hand them over once a second or
/// per 64 KiB; when the disk cannot keep up, lines beyond 64 MiB are dropped and counted, requests never wait.
class AccessLog {
 public:
  AccessLog() = default;  ///< logs nothing
  ~AccessLog();
  /// "-" is standard output. Fails as open(2) does. Once.
  [[nodiscard]] Status open(const std::string& path);
  [[nodiscard]] bool is_enabled() const { return static_cast<bool>(file_); }

  /// Adds the line of an ended request to its worker's, and hands them over when they are many.
  void add(Transaction& tx, int status, std::uint64_t duration_us);
  /// Takes whole lines. Any thread.
  void append(std::string lines);
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  void run();

  UniqueFd file_;
  mutable std::mutex mutex_;
  std::condition_variable has_lines_;
  std::string pending_;        // guarded by mutex_
  std::uint64_t dropped_ = 0;  // guarded by mutex_
  bool is_stopping_ = false;   // guarded by mutex_
  std::thread writer_;
};

/// Appends `text` as the inside of a JSON string; bytes that are not ASCII as \u00XX, so that any input gives valid
/// JSON.
void append_json_text(std::string& out, std::string_view text);

}  // namespace yz::edge
