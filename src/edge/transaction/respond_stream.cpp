#include <array>
#include <memory>

#include "edge/edge_server.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/phases.h"
#include "edge/transaction/response_head.h"
#include "edge/upstream/failure.h"
#include "http/cdn_loop.h"
#include "http/date.h"
#include "http/hop_by_hop.h"
#include "io/after_others.h"

namespace yz::edge {
namespace {

constexpr std::size_t kBufferSize = 64 * 1024;
/// Pieces of what has been received that leave in one write.
constexpr std::size_t kPieces = 8;

/// Calls `emit(field line)` for each field of an upstream's response that goes on, then for ours.
template <typename Emit>
void for_each_response_field(const Transaction& tx, const http::ResponseHead& head, const Emit& emit) {
  const http::HopByHop hop_by_hop(head.fields);
  for (const http::Field& field : head.fields) {
    const bool drop = field.id == http::FieldId::kContentLength || field.id == http::FieldId::kVia ||
                      hop_by_hop.has(field) || http::is_internal(field);
    if (!drop) emit(field);
  }
  const auto emit_known = [&](http::FieldId id, std::string_view value) {
    emit(http::Field{http::name_of(id), value, id});
  };
  emit_known(http::FieldId::kVia, http::via_value(head.fields, head.version, tx.running().node_name));
  std::string status;
  http::append_cache_status(status, tx.running().node_name, tx.status);
  emit_known(http::FieldId::kCacheStatus, status);
  if (const auto hsts = hsts_of(tx); !hsts.empty()) {
    emit(http::Field{"Strict-Transport-Security", hsts, http::find_field_id("Strict-Transport-Security")});
  }
  if (!tx.peer) return;
  // Asked of the origin after the peer's request came, so it is as new as the peer's own clock.
  const auto born = std::max(tx.asked_seq, tx.store().purges().latest());
  emit_known(http::FieldId::kYzBornSeq, std::to_string(born.value));
}

std::optional<std::uint64_t> length_of(const Transaction& tx, const http::ResponseHead& head) {
  if (head.framing == http::Framing::kLength || head.framing == http::Framing::kNone) {
    const bool says = head.fields.has(http::FieldId::kContentLength) || tx.request().method != http::Method::kHead;
    return says ? std::optional(head.content_length) : std::nullopt;
  }
  return std::nullopt;
}

void begin_response(Transaction& tx, const http::ResponseHead& head) {
  std::string& text = tx.worker.scratch();
  text.clear();
  http::write_status_line(text, head.status);
  if (!head.fields.has(http::FieldId::kDate)) {
    const auto now = std::chrono::floor<std::chrono::seconds>(tx.worker.reactor().wall_now());
    http::append_field(text, "Date", http::DateText(now).text());
  }
  for_each_response_field(tx, head,
                          [&](const http::Field& field) { http::append_field(text, field.name, field.value); });
  const iovec piece{text.data(), text.size()};
  tx.exchange.begin_raw(head.status, {&piece, 1}, {length_of(tx, head)});
}

}  // namespace

http::HeaderMap response_fields(const Transaction& tx, const http::ResponseHead& head) {
  http::HeaderMap out;
  for_each_response_field(tx, head, [&](const http::Field& field) { out.add(field); });
  return out;
}

/// What came with the head leaves with ours, in one write; where the upstream hesitates the head goes alone.
io::Task<void> respond_stream(Transaction& tx, net::ClientResponse response) {
  begin_response(tx, response.head());
  std::array<iovec, kPieces> pieces;
  std::unique_ptr<char[]> buffer;
  FairShare share;
  for (;;) {
    std::size_t count = response.take_received(pieces);
    if (count == 0 && !response.is_over()) {
      if (!buffer) {
        if (!co_await tx.exchange.flush()) co_return;
        buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
      }
      const auto size = co_await response.read(std::span(buffer.get(), kBufferSize));
      tx.origin_bytes = response.bytes_in();
      if (!size) co_return tx.exchange.abort();
      if (*size > 0) pieces[count++] = {buffer.get(), *size};
    }
    tx.origin_bytes = response.bytes_in();
    const std::span<const iovec> taken(pieces.data(), count);
    if (response.is_over()) {
      co_await io::after_others();
      (void)co_await tx.exchange.finish(taken);
      co_return;
    }
    if (!co_await tx.exchange.send(taken) || tx.stops()) co_return;
    std::size_t sent = 0;
    for (const iovec& piece : taken) sent += piece.iov_len;
    if (share.is_used_up(sent)) co_await io::yield();
  }
}

io::Task<void> refuse(Transaction& tx, http::StatusCode status, std::string text) {
  http::HeaderMap headers{{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}};
  std::string cache_status;
  http::append_cache_status(cache_status, tx.running().node_name, tx.status);
  headers.add(http::FieldId::kCacheStatus, cache_status);
  if (status == 503) headers.add("Retry-After", "1");
  if (const auto hsts = hsts_of(tx); !hsts.empty()) headers.add("Strict-Transport-Security", hsts);
  (void)co_await tx.exchange.respond(status, std::move(headers), std::move(text) + "\n");
}

io::Task<void> refuse_failure(Transaction& tx, Error error) {
  tx.status.detail = reason_of(error);
  co_await refuse(tx, status_for(error), std::move(error.message));
}

}  // namespace yz::edge
