#include "edge/upstream/node_check.h"

#include "io/reactor.h"
#include "net/http_client.h"

namespace yz::edge {
namespace {

/// Clears the mark also when the waiting viewer goes away and the coroutine is destroyed.
class AskingMark {
 public:
  explicit AskingMark(bool& mark) : mark_(mark) { mark_ = true; }
  ~AskingMark() { mark_ = false; }
  AskingMark(const AskingMark&) = delete;
  AskingMark& operator=(const AskingMark&) = delete;

 private:
  bool& mark_;
};

}  // namespace

io::Task<bool> NodeCheck::is_ready(model::NodeId node, Endpoint endpoint) {
  Verdict& verdict = verdicts_[node];  // unordered_map keeps its elements in place
  if (verdict.checked != MonoTime{} && io::Reactor::current().now() - verdict.checked <= kFresh) {
    co_return verdict.is_ready;
  }
  if (verdict.is_asking) co_return false;
  const AskingMark mark(verdict.is_asking);
  net::Upstream upstream;
  upstream.endpoint = endpoint;
  net::ClientRequest request;
  request.target = "/.yz/healthz";
  request.host = to_string(endpoint);
  net::ClientTimeouts timeouts;
  timeouts.connect = timeouts.first_byte = timeouts.idle = kPatience;
  auto response = co_await client_.send(std::move(upstream), std::move(request), timeouts);
  bool is_ready = false;
  if (response) {
    is_ready = response->status() == 200;
    (void)co_await response->read_all(4096);  // so that the connection is kept
  }
  verdict.is_ready = is_ready;
  verdict.checked = io::Reactor::current().now();
  co_return is_ready;
}

}  // namespace yz::edge
