#pragma once

#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>

#include "model/ids.h"

namespace yz::control {

/// How far each of many nodes has answered, and whether all have: a logarithm for each answer, nothing to look through.
/// One thread.
class AnswerCount final {
 public:
  void set(model::NodeId node, model::ConfigSeq answered) {
    const auto [place, is_new] = of_.try_emplace(node, answered);
    if (!is_new) leave(std::exchange(place->second, answered));
    ++at_[answered];
  }
  void erase(model::NodeId node) {
    const auto it = of_.find(node);
    if (it == of_.end()) return;
    leave(it->second);
    of_.erase(it);
  }
  void clear() {
    of_.clear();
    at_.clear();
  }
  /// Also when there is nobody.
  [[nodiscard]] bool all_reached(model::ConfigSeq seq) const { return at_.empty() || at_.begin()->first >= seq; }

 private:
  void leave(model::ConfigSeq seq) {
    const auto it = at_.find(seq);
    if (--it->second == 0) at_.erase(it);
  }

  std::unordered_map<model::NodeId, model::ConfigSeq> of_;
  std::map<model::ConfigSeq, std::size_t> at_;  // how many stand at a number
};

}  // namespace yz::control
