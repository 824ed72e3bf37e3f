#include "http/chunked.h"

#include <algorithm>

#include "http/scan.h"

namespace yz::http {
namespace {

constexpr std::uint16_t kMaxExtensionBytes = 256;
constexpr std::uint16_t kMaxTrailerBytes = 8 * 1024;
constexpr std::uint8_t kMaxDigits = 16;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedDecoder::Phase ChunkedDecoder::after_size(char c) {
  if (const int digit = hex_digit(c); digit >= 0) {
    if (++digits_ > kMaxDigits) return Phase::kBad;
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    return Phase::kSize;
  }
  if (digits_ == 0 || left_ > INT64_MAX) return Phase::kBad;
  if (c == '\r') return Phase::kSizeLf;
  return c == ';' ? Phase::kExtension : Phase::kBad;
}

ChunkedDecoder::Phase ChunkedDecoder::after_extension(char c) {
  if (++extension_bytes_ > kMaxExtensionBytes) return Phase::kBad;
  switch (phase_) {
    case Phase::kExtensionQuoted:
      if (c == '"') return Phase::kExtension;
      if (c == '\\') return Phase::kExtensionEscape;
      return is_value_char(c) ? Phase::kExtensionQuoted : Phase::kBad;
    case Phase::kExtensionEscape:
      return is_value_char(c) ? Phase::kExtensionQuoted : Phase::kBad;
    default:
      if (c == '\r') return Phase::kSizeLf;
      if (c == '"') return Phase::kExtensionQuoted;
      return is_token_char(c) || c == '=' || c == ';' ? Phase::kExtension : Phase::kBad;
  }
}

ChunkedDecoder::Phase ChunkedDecoder::after_trailer(char c) {
  if (++trailer_bytes_ > kMaxTrailerBytes) return Phase::kBad;
  switch (phase_) {
    case Phase::kTrailerStart:
      if (c == '\r') return Phase::kEndLf;
      return is_token_char(c) ? Phase::kTrailerName : Phase::kBad;
    case Phase::kTrailerName:
      if (c == ':') return Phase::kTrailerValue;
      return is_token_char(c) ? Phase::kTrailerName : Phase::kBad;
    case Phase::kTrailerValue:
      if (c == '\r') return Phase::kTrailerLf;
      return is_value_char(c) ? Phase::kTrailerValue : Phase::kBad;
    case Phase::kTrailerLf:
      return c == '\n' ? Phase::kTrailerStart : Phase::kBad;
    default:
      return c == '\n' ? Phase::kDone : Phase::kBad;
  }
}

ChunkedDecoder::Phase ChunkedDecoder::after(char c) {
  switch (phase_) {
    case Phase::kSize:
      return after_size(c);
    case Phase::kExtension:
    case Phase::kExtensionQuoted:
    case Phase::kExtensionEscape:
      return after_extension(c);
    case Phase::kSizeLf:
      if (c != '\n') return Phase::kBad;
      return left_ == 0 ? Phase::kTrailerStart : Phase::kData;
    case Phase::kDataCr:
      return c == '\r' ? Phase::kDataLf : Phase::kBad;
    case Phase::kDataLf:
      if (c != '\n') return Phase::kBad;
      digits_ = 0;
      left_ = 0;
      return Phase::kSize;
    case Phase::kTrailerStart:
    case Phase::kTrailerName:
    case Phase::kTrailerValue:
    case Phase::kTrailerLf:
    case Phase::kEndLf:
      return after_trailer(c);
    default:
      return Phase::kBad;
  }
}

ChunkedDecoder::Step ChunkedDecoder::decode(std::string_view input) {
  Step step;
  while (step.consumed < input.size() && phase_ != Phase::kDone && phase_ != Phase::kBad) {
    if (phase_ == Phase::kData) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - step.consumed));
      step.data = input.substr(step.consumed, size);
      step.consumed += size;
      left_ -= size;
      if (left_ == 0) phase_ = Phase::kDataCr;
      return step;
    }
    phase_ = after(input[step.consumed++]);
  }
  if (phase_ == Phase::kDone) step.state = State::kDone;
  if (phase_ == Phase::kBad) step.state = State::kBad;
  return step;
}

ChunkHead::ChunkHead(std::uint64_t size) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  text_[16] = '\r';
  text_[17] = '\n';
  start_ = 16;
  do {
    text_[--start_] = kDigits[size & 15];
    size >>= 4;
  } while (size != 0);
}

}  // namespace yz::http
