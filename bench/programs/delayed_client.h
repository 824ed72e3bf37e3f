#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

#include "rpc/node_client.h"

namespace yz::bench {

/// What a path adds to every message on its way, each direction for itself.
struct PathDelay {
  std::chrono::microseconds up{0};    ///< node to control
  std::chrono::microseconds down{0};  ///< control to node

  [[nodiscard]] std::chrono::microseconds round_trip() const { return up + down; }
};

/// Does things at their times, in the order of their times, those of one time in the order given; on one thread of its
/// own. What is left when it ends is not done.
class Post final {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Post() : thread_([this] { run(); }) {}
  ~Post();
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  /// Any thread.
  void at(Time time, std::function<void()> deed);

 private:
  struct Item {
    Time time;
    std::uint64_t number = 0;
    std::function<void()> deed;

    friend bool operator<(const Item& a, const Item& b) {  // the greatest is the next
      return a.time != b.time ? a.time > b.time : a.number > b.number;
    }
  };
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::priority_queue<Item> items_;
  std::uint64_t given_ = 0;
  bool is_over_ = false;
  std::thread thread_;
};

/// A node's channel to a control that is far away: the real one (rpc::NodeClient) with every message held back for as
/// long as its path takes. A session is told of three round trips after it was made, which is what TCP, TLS 1.3 and the
/// Hello would have taken. `events` are called on the post's thread, make_hello() and on_refused() on the client's own.
/// `post` is destroyed before any client of its.
[[nodiscard]] std::unique_ptr<rpc::NodeClient> start_delayed(rpc::NodeClientOptions options,
                                                             rpc::NodeClientEvents& events, Post& post,
                                                             PathDelay delay);

}  // namespace yz::bench
