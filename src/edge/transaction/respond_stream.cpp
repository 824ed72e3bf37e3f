#include <memory>

#include "edge/edge_server.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/phases.h"
#include "edge/transaction/response_head.h"
#include "edge/upstream/failure.h"
#include "http/cdn_loop.h"
#include "http/hop_by_hop.h"

namespace yz::edge {
namespace {

constexpr std::size_t kBufferSize = 64 * 1024;

}  // namespace

http::HeaderMap response_fields(const Transaction& tx, const http::ResponseHead& head) {
  const http::Fields fields = head.fields;
  http::HeaderMap out;
  for (const http::Field& field : fields) {
    const bool drop = http::is_hop_by_hop(field, fields) || http::is_internal(field) ||
                      field.id == http::FieldId::kContentLength || field.id == http::FieldId::kVia;
    if (!drop) out.add(field.name, field.value);
  }
  out.add(http::FieldId::kVia, http::via_value(fields, head.version, tx.running().node_name));
  std::string status;
  http::append_cache_status(status, tx.running().node_name, tx.status);
  out.add(http::FieldId::kCacheStatus, status);
  if (const auto hsts = hsts_of(tx); !hsts.empty()) out.add("Strict-Transport-Security", hsts);
  if (tx.peer) {
    // Asked of the origin after the peer's request came, so it is as new as the peer's own clock.
    const auto born = std::max(tx.asked_seq, tx.store().purges().latest());
    out.add(http::FieldId::kYzBornSeq, std::to_string(born.value));
  }
  return out;
}

namespace {

std::optional<std::uint64_t> length_of(const Transaction& tx, const http::ResponseHead& head) {
  if (head.framing == http::Framing::kLength || head.framing == http::Framing::kNone) {
    const bool says = head.fields.has(http::FieldId::kContentLength) || tx.request().method != http::Method::kHead;
    return says ? std::optional(head.content_length) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

io::Task<void> respond_stream(Transaction& tx, net::ClientResponse response) {
  const http::ResponseHead& head = response.head();
  tx.exchange.begin(head.status, response_fields(tx, head), {length_of(tx, head)});
  if (!co_await tx.exchange.flush()) co_return;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferSize);
  FairShare share;
  for (;;) {
    auto size = co_await response.read(std::span(buffer.get(), kBufferSize));
    tx.origin_bytes = response.bytes_in();
    if (!size) co_return tx.exchange.abort();
    if (*size == 0) break;
    if (!co_await tx.exchange.send(std::string_view(buffer.get(), *size))) co_return;
    if (share.is_used_up(*size)) co_await io::yield();
  }
  (void)co_await tx.exchange.finish();
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
