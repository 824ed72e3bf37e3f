#pragma once

#include <memory>

#include "cache/fill.h"
#include "edge/transaction/phases.h"
#include "net/http_client.h"

namespace yz::edge {

/// What of an interim head goes on: its end-to-end fields.
[[nodiscard]] Interim interim_of(const http::ResponseHead& head);

/// Hands what comes during a fill to the leader's client, which waits on the same reactor.
class InterimQueue final : public net::InterimSink {
 public:
  InterimQueue(std::shared_ptr<Handoff> handoff, cache::FillWriter& writer)
      : handoff_(std::move(handoff)), writer_(writer) {}
  [[nodiscard]] io::Task<void> on_interim(const http::ResponseHead& head) override;

 private:
  std::shared_ptr<Handoff> handoff_;
  cache::FillWriter& writer_;
};

/// Sends what comes straight on to the client of a request that is passed.
class InterimPass final : public net::InterimSink {
 public:
  explicit InterimPass(net::Exchange& exchange) : exchange_(exchange) {}
  [[nodiscard]] io::Task<void> on_interim(const http::ResponseHead& head) override;

 private:
  net::Exchange& exchange_;
};

}  // namespace yz::edge
