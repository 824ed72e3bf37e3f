#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace yz::http {

/// Bytes first to last, both included.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  [[nodiscard]] std::uint64_t length() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a Range field selects from a representation of known length. No allocation.
class RangeSet {
 public:
  static constexpr std::size_t kMost = 16;
  enum class Kind : std::uint8_t {
    kWhole,          ///< not usable (another unit, bad syntax, more than 16 ranges): as if there were no Range
    kUnsatisfiable,  ///< 416 with "bytes */length"
    kPartial,        ///< 206 with ranges()
  };

  /// RFC 9110 §14.1.2. Overlapping and adjacent ranges are joined (§14.2); single ones keep the order asked for.
  [[nodiscard]] static RangeSet parse(std::string_view field, std::uint64_t length);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::span<const ByteRange> ranges() const { return {ranges_.data(), count_}; }

 private:
  void join_overlaps();

  Kind kind_ = Kind::kWhole;
  std::size_t count_ = 0;
  std::array<ByteRange, kMost> ranges_{};
};

/// "bytes 0-4/10"
[[nodiscard]] std::string content_range(const ByteRange& range, std::uint64_t length);
/// "bytes */10", for 416
[[nodiscard]] std::string unsatisfied_range(std::uint64_t length);

/// The framing of a multipart/byteranges body (RFC 9110 §14.6): the text before each range and after the last.
struct MultipartRanges {
  std::string content_type;        ///< "multipart/byteranges; boundary=…"
  std::vector<std::string> heads;  ///< heads[i] goes before the bytes of ranges[i]
  std::string tail;
  std::uint64_t content_length = 0;  ///< of the whole body
};
/// `boundary` must not occur in the content; a random one does. `part_type` is the representation's Content-Type, may
/// be empty.
[[nodiscard]] MultipartRanges make_multipart(std::span<const ByteRange> ranges, std::uint64_t length,
                                             std::string_view part_type, std::string_view boundary);

/// A Content-Range of a 206 (RFC 9110 §14.4): none when unreadable or of unknown total length.
struct ContentRange {
  ByteRange range;
  std::uint64_t total = 0;
};
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view field);

}  // namespace yz::http
