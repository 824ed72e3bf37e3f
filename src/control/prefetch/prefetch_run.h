#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/task.h"
#include "rpc/node_messages.h"

namespace yz::control {

/// One prefetch task as it goes: its URLs, those that its manifests lead to, and what each node has done of them. Says
/// what is so; when what is sent, Prefetcher decides. Pure.
class PrefetchRun final {
 public:
  static constexpr std::size_t kMostUrls = 20'000;
  static constexpr std::size_t kMostBytes = 16 << 20;  ///< of all URLs together
  /// Manifests that lead to one another: of variants, of segments.
  static constexpr std::uint8_t kDeepest = 2;

  struct Url {
    std::string text;
    model::DomainId domain;
    std::uint8_t depth = 0;    ///< through how many manifests it was found
    bool is_released = false;  ///< the nodes may have it
    bool is_loaded = false;    ///< some node has ended it: its origin is done with it
    bool is_read = false;      ///< nothing more is to be found through it
  };

  /// Of `task` itself only its targets and nodes whose part is open are taken.
  explicit PrefetchRun(const model::Task& task);

  [[nodiscard]] std::span<const Url> urls() const { return urls_; }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view url) const;
  /// A link of a manifest of this run. Its place; none when it is known, or there are too many, which is noted.
  std::optional<std::size_t> add(std::string link, model::DomainId domain, std::size_t manifest);
  void release(std::size_t index) { urls_[index].is_released = true; }

  /// The node that reads manifests for all; none at first.
  [[nodiscard]] model::NodeId scout() const { return scout_; }
  void set_scout(model::NodeId node) { scout_ = node; }

  [[nodiscard]] bool has_part(model::NodeId node) const { return parts_.contains(node); }
  /// Nodes that take part, in order.
  [[nodiscard]] std::vector<model::NodeId> nodes() const;
  /// Released URLs that the node has not ended; for the scout also those it is to read still.
  [[nodiscard]] std::vector<std::size_t> owed(model::NodeId node) const;
  /// Whether the node is to read this one.
  [[nodiscard]] bool is_to_read(model::NodeId node, std::size_t index) const;

  struct Taken {
    std::size_t index = 0;
    bool is_first = false;      ///< no node had ended it
    bool ends_reading = false;  ///< all manifests are read by this: parts of other nodes may be done now
  };
  /// A node's result; none when it says nothing new.
  std::optional<Taken> take(model::NodeId node, const rpc::PrefetchedUrl& result);
  /// The node has ended all there is, and no manifest is left that could lead to more.
  [[nodiscard]] bool is_done(model::NodeId node) const;
  /// How far the node is, and as its state whether it is done.
  [[nodiscard]] model::NodeProgress progress(model::NodeId node, WallTime now) const;

 private:
  struct Part {
    std::vector<bool> has_ended;  // by URL, as far as it goes
    std::uint32_t done = 0;
    std::uint32_t failed = 0;
    std::string first_failure;
    std::string remark;  // of one that is done
  };
  std::size_t put(std::string url, model::DomainId domain, std::uint8_t depth);
  bool mark_read(std::size_t index);

  bool reads_manifests_;
  bool is_cut_ = false;
  std::size_t unread_ = 0;
  std::size_t bytes_ = 0;
  model::NodeId scout_;
  std::vector<Url> urls_;
  std::unordered_map<std::string, std::size_t> places_;
  std::map<model::NodeId, Part> parts_;
};

}  // namespace yz::control
