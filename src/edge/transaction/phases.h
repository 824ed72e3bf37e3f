#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/transaction/transaction.h"
#include "edge/upstream/forward.h"
#include "io/task.h"
#include "net/http_client.h"

namespace yz::edge {

// The phases of a request, in order. Each answers the client and ends the request, or leaves it to the next. Those that
// seldom answer are plain functions, for a frame each would be a part of what a hit costs: they return the answer, to
// be awaited, or an empty task.

/// access.cpp: who asks, for which site, and may they. Else the answer (health check, refusal).
[[nodiscard]] io::Task<void> check_access(Transaction& tx);
/// secure.cpp: a viewer over plain HTTP is sent to https where the domain wants that. Else the answer, or a refusal.
[[nodiscard]] io::Task<void> secure_viewer(Transaction& tx);
/// access.cpp: whether what a proxy at this address says of its client is believed.
[[nodiscard]] bool is_trusted(const RunningConfig& config, const IpAddress& address);
/// redirect.cpp: whether this request is one that correct_viewer() may send on.
[[nodiscard]] bool may_belong_elsewhere(const Transaction& tx);
/// redirect.cpp: a viewer that belongs to another node is sent there. True when it was.
[[nodiscard]] io::Task<bool> correct_viewer(Transaction& tx);
/// serve.cpp: lookup, then hit, follow or fill, or pass. The lookup is done when this returns.
[[nodiscard]] io::Task<void> serve(Transaction& tx);
/// pass.cpp: forwards the request as it is and the response to this client alone; invalidates after unsafe methods.
[[nodiscard]] io::Task<void> pass(Transaction& tx, http::Forward why);

/// upgrade.cpp: whether the viewer asks to speak another protocol on this connection (RFC 9110 §7.8).
[[nodiscard]] bool asks_for_upgrade(const Transaction& tx);
/// upgrade.cpp: asks the upstream for it, and when it agrees carries bytes both ways until both have ended.
[[nodiscard]] io::Task<void> pass_upgrade(Transaction& tx);

/// pass.cpp: the request as it goes on to the next tier or the origin, without a body.
[[nodiscard]] Forwarded forward_of(Transaction& tx);
/// pass.cpp: takes down (`upstream` is moved) who answered a request that was forwarded for this client alone, and how.
void note_answer(Transaction& tx, Answer& answer);

/// respond_stored.cpp: answers from a whole stored object: 304, 206, 416 or the response itself. The hit path.
[[nodiscard]] io::Task<void> respond_stored(Transaction& tx, cache::Ref<cache::Object> object);
/// respond_stored.cpp: a part of a stored body, behind a head that was begun. False: the connection is lost.
[[nodiscard]] io::Task<bool> send_stored(Transaction& tx, cache::Ref<cache::Object> object, std::uint64_t offset,
                                         std::uint64_t size);
/// respond_stream.cpp: streams a response that belongs to this client alone.
[[nodiscard]] io::Task<void> respond_stream(Transaction& tx, net::ClientResponse response);
/// respond_stream.cpp: the fields of an upstream's response, made fit to go on, with ours.
[[nodiscard]] http::HeaderMap response_fields(const Transaction& tx, const http::ResponseHead& head);
/// A short answer of our own, never stored.
[[nodiscard]] io::Task<void> refuse(Transaction& tx, http::StatusCode status, std::string text);

/// The same for a request that no upstream answered: 502, 503 or 504, with the reason in Cache-Status.
[[nodiscard]] io::Task<void> refuse_failure(Transaction& tx, Error error);

/// An interim response (1xx) for the one client whose request caused it: never stored nor shared, for it may be about
/// that client.
struct Interim {
  http::StatusCode status = 0;
  http::HeaderMap fields;
};

/// What a leader's client is given when its response turns out not to be shareable. Shared by the leader and its fill,
/// both on one reactor.
struct Handoff {
  std::optional<net::ClientResponse> response;
  std::uint64_t origin_requests = 0;
  std::uint64_t origin_bytes = 0;
  std::string upstream;
  http::StatusCode status = 0;    ///< of the upstream's answer
  bool is_revalidated = false;    ///< by a 304
  std::string_view not_stored;    ///< the rule that forbade to store it; static text
  std::vector<Interim> interims;  ///< 1xx responses that came, until the client has taken them
  // What of the counts the leader's transaction has been told.
  std::uint64_t told_requests = 0;
  std::uint64_t told_bytes = 0;
};

enum class Followed : std::uint8_t {
  kDone,   ///< answered
  kAgain,  ///< look up anew: another variant, or the leader gave up
  kLate,   ///< the same, because the leader shows no head: one of those who wait takes its place
  kPass,   ///< not shareable: fetch it for this client alone
};
/// follow.cpp: waits for a fill and streams from it. `handoff` for the leader's client only; `stale` is what may stand
/// in when the fill fails.
[[nodiscard]] io::Task<Followed> follow(Transaction& tx, cache::Ref<cache::Fill> fill, std::shared_ptr<Handoff> handoff,
                                        cache::Ref<cache::Object> stale);

}  // namespace yz::edge
