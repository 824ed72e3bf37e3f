#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/ip.h"
#include "io/listener.h"
#include "io/reactor_thread.h"
#include "io/scope.h"
#include "net/test_support.h"

namespace yz::edge::testing {

/// An origin for tests that sends exactly the bytes it is told, whatever was asked, and closes. It keeps the requests.
class RawOrigin {
 public:
  explicit RawOrigin(std::string answer) : answer_(std::move(answer)), thread_("raw-origin") {
    thread_.run_and_wait([this](io::Reactor& reactor) {
      auto listener = io::TcpListener::bind(reactor, net::testing::kAnyLoopback);
      EXPECT_TRUE(listener);
      listener_ = std::make_unique<io::TcpListener>(*std::move(listener));
      endpoint_ = listener_->local();
      reactor.spawn_into(tasks_, accept_all());
    });
  }
  ~RawOrigin() {
    thread_.run_and_wait([this](io::Reactor&) {
      tasks_.cancel_all();
      listener_.reset();
    });
  }
  RawOrigin(const RawOrigin&) = delete;
  RawOrigin& operator=(const RawOrigin&) = delete;

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  /// The heads (and what came with them) received so far.
  [[nodiscard]] std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  io::Task<void> accept_all() {
    for (;;) {
      auto stream = co_await listener_->accept(io::kNoDeadline);
      if (!stream) co_return;
      io::Reactor::current().spawn_into(tasks_, answer(*std::move(stream)));
    }
  }
  io::Task<void> answer(io::TcpStream stream) {
    std::string text;
    std::array<char, 4096> buffer;
    while (text.find("\r\n\r\n") == std::string::npos) {
      const auto n = co_await stream.read(buffer, io::Reactor::current().in(std::chrono::seconds(10)));
      if (!n || *n == 0) co_return;
      text.append(buffer.data(), *n);
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(text);
    }
    (void)co_await stream.write_all(answer_, std::chrono::seconds(5));
  }

  const std::string answer_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  Endpoint endpoint_;
  io::ReactorThread thread_;
  io::TaskScope tasks_;
  std::unique_ptr<io::TcpListener> listener_;
};

}  // namespace yz::edge::testing
