#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ip.h"
#include "model/ids.h"
#include "model/usage.h"

namespace yz::model {

// One request of a viewer in an access log: its compact form in an edge's spool (docs/formats/access-spool.md) and its
// line in the files that customers download (docs/formats/access-log.md). Pure.

/// What is said of one ended request. The texts are views: into the request when written, into the bytes when read.
struct AccessRecord {
  WallTime ended;
  DomainId domain;
  IpAddress client;
  std::uint16_t status = 0;
  CacheResult cache = CacheResult::kNone;
  Protocol protocol = Protocol::kUnknown;
  bool is_tls = false;
  std::uint16_t country = 0;  ///< as in UsageKey
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t duration_us = 0;    ///< from the first byte of the request to the last of the response
  std::uint64_t first_byte_us = 0;  ///< until the response began; 0: it never did
  std::string_view method;
  std::string_view host;
  std::string_view target;
  std::string_view referer;
  std::string_view agent;
  std::string_view province;  ///< "guangdong"; empty when unknown
  std::string_view isp;       ///< "telecom"; empty when unknown

  friend bool operator==(const AccessRecord&, const AccessRecord&) = default;
};

/// The longest texts that are kept; what is longer is cut.
inline constexpr std::size_t kMaxLoggedMethod = 32;
inline constexpr std::size_t kMaxLoggedHost = 255;
inline constexpr std::size_t kMaxLoggedTarget = 8192;
inline constexpr std::size_t kMaxLoggedField = 1024;
/// No record is shorter, and none longer.
inline constexpr std::size_t kMinAccessRecord = 88;
inline constexpr std::size_t kMaxAccessRecord = 128 + kMaxLoggedHost + kMaxLoggedTarget + 2 * kMaxLoggedField + 128;

/// Writes the record's bytes to the begin of `out`; their number, or 0 when there is no room for them (then nothing of
/// use is in `out`). Allocates nothing.
[[nodiscard]] std::size_t encode(const AccessRecord& record, std::span<char> out);

/// Reads records one after the other from untrusted bytes.
class AccessRecordReader {
 public:
  explicit AccessRecordReader(std::string_view bytes) : rest_(bytes) {}
  /// The next one; none at the end or at bytes that are no record (then is_damaged()). Views into the input.
  [[nodiscard]] std::optional<AccessRecord> next();
  [[nodiscard]] bool is_damaged() const { return is_damaged_; }
  /// Bytes of the records given so far.
  [[nodiscard]] std::size_t read() const { return read_; }

 private:
  std::string_view rest_;
  std::size_t read_ = 0;
  bool is_damaged_ = false;
};

/// Names of the columns, in order.
inline constexpr std::array<std::string_view, 19> kAccessColumns = {
    "time",     "client",    "method",   "scheme",      "host",          "target", "protocol",
    "status",   "bytes_out", "bytes_in", "duration_us", "first_byte_us", "cache",  "country",
    "province", "isp",       "referer",  "agent",       "node"};
/// "#" and the names, separated by tabs, with a line feed: a file's first line.
[[nodiscard]] std::string access_log_header();
/// Appends the record's line: values separated by tabs, "-" for what is empty; bytes below 0x20, from 0x7f on and
/// backslashes as \xHH, so that no value can look like another line or column.
void append_line(std::string& out, const AccessRecord& record, NodeId node);

}  // namespace yz::model
