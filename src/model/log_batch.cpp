#include "model/log_batch.h"

#include <tuple>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"

namespace yz::model {
namespace {

constexpr std::string_view kMagic = "YZLB";
constexpr std::uint16_t kVersion = 1;
constexpr std::uint64_t kMaxLines = 1ULL << 32;  // of a slice
constexpr std::uint64_t kMaxText = 1ULL << 40;
constexpr std::uint64_t kMaxLost = 1ULL << 48;

void put_body(ByteWriter& to, const LogBatchHead& head, std::string_view frames) {
  to.u64(frames.size());
  to.u32(crc32c(frames));
  to.varint(head.node.value);
  to.varint(head.epoch);
  to.varint(head.number);
  to.varint(head.slices.size());
  for (const LogSlice& s : head.slices) {
    for (const std::uint64_t v : {std::uint64_t{s.hour}, s.domain.value, s.lines, s.text_bytes, s.size}) to.varint(v);
  }
  to.varint(head.losses.size());
  for (const AccessLoss& l : head.losses) {
    for (const std::uint64_t v : {l.epoch, std::uint64_t{l.hour}, l.domain.value, l.lost}) to.varint(v);
  }
  to.varint(head.positions.size());
  for (const SegmentPosition& p : head.positions) {
    for (const std::uint64_t v : {p.segment.epoch, p.segment.number, p.bytes, p.records}) to.varint(v);
  }
}

std::uint32_t read_hour(ByteReader& in) {
  const std::uint64_t hour = in.varint();
  if (hour > UINT32_MAX) in.reject();
  return static_cast<std::uint32_t>(hour);
}

LogSlice read_slice(ByteReader& in) {
  LogSlice slice;
  slice.hour = read_hour(in);
  slice.domain = DomainId{in.varint()};
  slice.lines = in.varint();
  slice.text_bytes = in.varint();
  slice.size = in.varint();
  if (slice.lines > kMaxLines || slice.text_bytes > kMaxText) in.reject();
  return slice;
}

AccessLoss read_loss(ByteReader& in) {
  AccessLoss loss;
  loss.epoch = in.varint();
  loss.hour = read_hour(in);
  loss.domain = DomainId{in.varint()};
  loss.lost = in.varint();
  if (loss.lost > kMaxLost) in.reject();
  return loss;
}

SegmentPosition read_position(ByteReader& in) {
  SegmentPosition position;
  position.segment.epoch = in.varint();
  position.segment.number = in.varint();
  position.bytes = in.varint();
  position.records = in.varint();
  return position;
}

/// A count of things of at least `min_size` bytes, `most` at most.
std::uint64_t read_count(ByteReader& in, std::size_t min_size, std::uint64_t most) {
  const std::uint64_t count = in.count(min_size);
  if (count > most) in.reject();
  return in.ok() ? count : 0;
}

struct Body {
  LogBatchHead head;
  std::uint64_t frames_size = 0;
  std::uint32_t frames_crc = 0;
};

Result<Body> read_body(std::string_view bytes) {
  ByteReader in(bytes);
  Body out;
  out.frames_size = in.u64();
  out.frames_crc = in.u32();
  out.head.node = NodeId{in.varint()};
  out.head.epoch = in.varint();
  out.head.number = in.varint();
  std::uint64_t sum = 0;
  for (std::uint64_t n = read_count(in, 5, kMaxLogSlices); n > 0 && in.ok(); --n) {
    const LogSlice slice = read_slice(in);
    if (!out.head.slices.empty()) {
      const LogSlice& last = out.head.slices.back();
      if (std::tie(last.hour, last.domain) >= std::tie(slice.hour, slice.domain)) in.reject();
    }
    if (slice.size == 0 || slice.size > out.frames_size - sum) in.reject();
    sum += in.ok() ? slice.size : 0;
    out.head.slices.push_back(slice);
  }
  for (std::uint64_t n = read_count(in, 4, kMaxLogLosses); n > 0 && in.ok(); --n)
    out.head.losses.push_back(read_loss(in));
  for (std::uint64_t n = read_count(in, 4, kMaxLogPositions); n > 0 && in.ok(); --n)
    out.head.positions.push_back(read_position(in));
  if (!in.ok() || !in.at_end()) return fail(Code::kCorrupt, "log batch: its head does not hold what it says");
  if (sum != out.frames_size) return fail(Code::kCorrupt, "log batch: its frames are not those of its slices");
  return out;
}

Result<Body> read_head(std::string_view bytes, std::uint64_t size) {
  if (bytes.size() < size) return fail(Code::kCorrupt, "log batch: its head is cut short");
  const std::string_view body = bytes.substr(kLogBatchStart, size - kLogBatchStart);
  const std::uint32_t wanted = ByteReader(bytes.substr(12)).u32();
  if (crc32c(body, crc32c(bytes.substr(0, 12))) != wanted) {
    return fail(Code::kCorrupt, "log batch: its head's checksum is wrong");
  }
  return read_body(body);
}

}  // namespace

std::string encode(const LogBatchHead& head, std::string_view frames) {
  std::string body;
  ByteWriter body_writer(body);
  put_body(body_writer, head, frames);
  std::string out;
  ByteWriter to(out);
  to.raw(kMagic);
  to.u16(kVersion);
  to.u16(0);
  to.u32(static_cast<std::uint32_t>(body.size()));
  to.u32(crc32c(body, crc32c(out)));
  to.raw(body);
  to.raw(frames);
  return out;
}

Result<std::uint64_t> log_batch_head_size(std::string_view start) {
  ByteReader in(start);
  if (in.raw(4) != kMagic) return fail(Code::kCorrupt, "log batch: it does not begin with YZLB");
  const std::uint16_t version = in.u16();
  (void)in.u16();
  const std::uint32_t body = in.u32();
  (void)in.u32();
  if (!in.ok()) return fail(Code::kCorrupt, "log batch: it is cut short");
  if (version != kVersion) return fail(Code::kUnsupported, fmt::format("log batch: version {} is not known", version));
  if (body > kMaxLogBatch) return fail(Code::kCorrupt, "log batch: its head is too long");
  return kLogBatchStart + std::uint64_t{body};
}

Result<LogBatch> decode_log_batch_head(std::string_view bytes) {
  YZ_TRY(const std::uint64_t size, log_batch_head_size(bytes.substr(0, kLogBatchStart)));
  YZ_TRY(Body body, read_head(bytes, size));
  return LogBatch{std::move(body.head), size};
}

Result<LogBatch> decode_log_batch(std::string_view bytes) {
  YZ_TRY(const std::uint64_t size, log_batch_head_size(bytes.substr(0, kLogBatchStart)));
  YZ_TRY(Body body, read_head(bytes, size));
  const std::string_view frames = bytes.substr(size);
  if (frames.size() != body.frames_size || crc32c(frames) != body.frames_crc) {
    return fail(Code::kCorrupt, "log batch: its frames are damaged or cut short");
  }
  return LogBatch{std::move(body.head), size};
}

}  // namespace yz::model
