#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <zstd.h>

#include "control/test_cluster.h"
#include "model/access_record.h"
#include "model/codec.h"
#include "model/log_batch.h"

namespace yz::control::test {

inline std::string zstd_frame(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// A control with one node, which ships access logs of the hour before the last.
class LogsTest : public OneNodeTest {
 protected:
  [[nodiscard]] std::uint32_t hour() const { return model::hour_of(SystemClock::instance().wall()) - 2; }

  /// A batch of lines of domains in one hour.
  void ship(std::uint64_t number, const std::vector<std::pair<std::uint64_t, std::string>>& texts,
            std::vector<model::AccessLoss> losses = {}) {
    model::LogBatchHead head;
    head.node = node_->id();
    head.epoch = 5;
    head.number = number;
    head.losses = std::move(losses);
    std::string frames;
    for (const auto& [domain, text] : texts) {
      const std::string one = zstd_frame(text);
      head.slices.push_back({hour(), model::DomainId{domain},
                             static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')), text.size(),
                             one.size()});
      frames += one;
    }
    node_->send(rpc::LogShipment{5, number, std::make_shared<const std::string>(encode(head, frames))});
  }
  bool acknowledged(std::size_t count) {
    return node_->wait([&] { return node_->log_acks.size() >= count; });
  }
};

}  // namespace yz::control::test
