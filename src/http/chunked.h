#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace yz::http {

/// Takes the chunked coding off a body (RFC 9112 §7.1), strictly: 1 to 16 hex digits, CRLF only, extensions of at most
/// 256 bytes a body that are checked and dropped, trailers of at most 8 KB that are checked and dropped. No allocation.
class ChunkedDecoder {
 public:
  enum class State : std::uint8_t { kMore, kDone, kBad };
  struct Step {
    State state = State::kMore;
    std::size_t consumed = 0;  ///< bytes of the input used up, framing and data
    std::string_view data;     ///< the data among them: one view into the input, may be empty
  };

  /// Goes on with the bytes that follow those consumed so far. Returns at the end of the input, after one piece of
  /// data, or at the end of the body (kDone; bytes past it are not consumed). Call again with the rest while consumed >
  /// 0 and kMore.
  [[nodiscard]] Step decode(std::string_view input);
  /// Ready for another body.
  void reset() { *this = ChunkedDecoder(); }

 private:
  enum class Phase : std::uint8_t {
    kSize,
    kExtension,
    kExtensionQuoted,
    kExtensionEscape,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kDone,
    kBad
  };
  [[nodiscard]] Phase after(char c);
  [[nodiscard]] Phase after_size(char c);
  [[nodiscard]] Phase after_extension(char c);
  [[nodiscard]] Phase after_trailer(char c);

  Phase phase_ = Phase::kSize;
  std::uint8_t digits_ = 0;
  std::uint16_t extension_bytes_ = 0;
  std::uint16_t trailer_bytes_ = 0;
  std::uint64_t left_ = 0;
};

/// The line before a chunk of `size` > 0 bytes: "1a2b\r\n".
class ChunkHead {
 public:
  explicit ChunkHead(std::uint64_t size);
  [[nodiscard]] std::string_view text() const { return {text_.data() + start_, text_.size() - start_}; }

 private:
  std::array<char, 18> text_{};
  std::size_t start_ = 0;
};

inline constexpr std::string_view kChunkTail = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace yz::http
