#include <array>
#include <memory>

#include "edge/edge_server.h"
#include "edge/transaction/fair_share.h"
#include "edge/transaction/phases.h"
#include "edge/upstream/forward.h"
#include "http/fields.h"

namespace yz::edge {
namespace {

constexpr std::size_t kPieceSize = 16 * 1024;
/// A tunnel through which nothing moves for this long, either way, is closed.
constexpr std::chrono::minutes kMostSilence{5};
constexpr std::chrono::seconds kWriteStall{30};

/// What both directions of a tunnel know of each other. The scope goes first.
struct Tunnel {
  io::Stream& viewer;
  io::Stream& upstream;
  MonoTime last_moved;
  bool is_over = false;  ///< by a failure; an orderly end leaves the other direction open
  io::Event other_ended;
  io::TaskScope other;
};

/// Waits until `from` has bytes, or its end. False when the tunnel has been silent for too long, or is over.
io::Task<bool> wait_for_bytes(Tunnel& tunnel, io::Stream& from) {
  for (;;) {
    const Status ready = co_await from.readable(tunnel.last_moved + kMostSilence);
    if (ready) co_return !tunnel.is_over;
    if (ready.error().code != Code::kTimeout) co_return false;
    if (from.reactor().now() >= tunnel.last_moved + kMostSilence) co_return false;  // else the other direction is alive
  }
}

/// Carries bytes one way until they end. The memory for them is held only while there are some.
io::Task<void> carry(Tunnel& tunnel, io::Stream& from, io::Stream& to, std::string early) {
  bool is_orderly = early.empty() || (co_await to.write_all(early, kWriteStall)).has_value();
  FairShare share;
  while (is_orderly) {
    is_orderly = co_await wait_for_bytes(tunnel, from);
    if (!is_orderly) break;
    const auto piece = std::make_unique_for_overwrite<char[]>(kPieceSize);
    const auto got = from.read_now({piece.get(), kPieceSize});
    if (!got) continue;
    is_orderly = got->has_value();
    if (!is_orderly || **got == 0) break;
    tunnel.last_moved = from.reactor().now();
    is_orderly = (co_await to.write_all(std::string_view(piece.get(), **got), kWriteStall)).has_value();
    if (share.is_used_up(**got)) co_await io::yield();
  }
  if (is_orderly) {
    to.shutdown_write();
    co_return;
  }
  tunnel.is_over = true;
  tunnel.viewer.shutdown_both();
  tunnel.upstream.shutdown_both();
}

io::Task<void> carry_upstream(Tunnel& tunnel, std::string early) {
  co_await carry(tunnel, tunnel.viewer, tunnel.upstream, std::move(early));
  tunnel.other_ended.set();
}

}  // namespace

bool asks_for_upgrade(const Transaction& tx) {
  const http::RequestHead& request = tx.request();
  return request.method == http::Method::kGet && request.version == http::Version::kHttp11 &&
         request.fields.has(http::FieldId::kUpgrade) && !tx.exchange.is_multiplexed() && !tx.exchange.has_body() &&
         http::lists_token(request.fields, http::FieldId::kConnection, "upgrade");
}

io::Task<void> pass_upgrade(Transaction& tx) {
  tx.status = {.forward = http::Forward::kBypass};
  tx.result = model::CacheResult::kBypass;
  Forwarded forwarded = forward_of(tx);
  const http::Fields asked = tx.request().fields;
  forwarded.request.upgrade = asked.combined(http::name_of(http::FieldId::kUpgrade));
  auto answer = co_await send_upstream(tx.worker, tx.config, *tx.site, forwarded);
  tx.now = tx.worker.wall_now();
  if (!answer) {
    ++tx.origin_requests;
    co_return co_await refuse_failure(tx, std::move(answer).error());
  }
  note_answer(tx, *answer);
  const http::ResponseHead& head = answer->response.head();
  if (head.status != 101) co_return co_await respond_stream(tx, std::move(answer->response));

  http::HeaderMap fields = response_fields(tx, head);
  fields.add(http::FieldId::kConnection, "Upgrade");
  fields.add(http::FieldId::kUpgrade, head.fields.value(http::FieldId::kUpgrade).value_or(""));
  const net::BodyLength none{std::nullopt};
  tx.exchange.begin(101, fields, none);
  if (!co_await tx.exchange.flush()) co_return;
  const auto viewer = tx.exchange.tunnel();
  const auto upstream = answer->response.tunnel();
  Tunnel tunnel{viewer.stream, upstream.stream, tx.worker.reactor().now(), false, {}, {}};
  const std::uint64_t before = upstream.stream.bytes_read();
  tx.worker.reactor().spawn_into(tunnel.other, carry_upstream(tunnel, std::string(viewer.early)));
  co_await carry(tunnel, tunnel.upstream, tunnel.viewer, std::string(upstream.early));
  (void)co_await tunnel.other_ended.wait(io::kNoDeadline);
  tx.origin_bytes += upstream.stream.bytes_read() - before;
}

}  // namespace yz::edge
