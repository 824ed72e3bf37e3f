#include "net/idle_board.h"

#include <algorithm>
#include <utility>

#include "net/connection_pool.h"

namespace yz::net {
namespace {

/// A connection between two reactors: its descriptor belongs to neither.
struct Passed {
  std::unique_ptr<UpstreamConnection> connection;  // null: there was none
  UniqueFd fd;
};

/// Who waits for an answer. Of the asking thread.
class Question final : public io::TimerNode {
 public:
  struct Shared {
    Question* waiting = nullptr;         // null once nobody waits
    std::weak_ptr<ConnectionPool> pool;  // weak: another thread may drop this last
    std::shared_ptr<io::Remote> remote;
  };

  Question(const std::shared_ptr<ConnectionPool>& pool, std::shared_ptr<io::Remote> to,
           std::weak_ptr<ConnectionPool> other, Upstream upstream, std::chrono::milliseconds patience)
      : shared_(std::make_shared<Shared>()),
        to_(std::move(to)),
        other_(std::move(other)),
        upstream_(std::move(upstream)),
        patience_(patience) {
    shared_->pool = pool;
    shared_->remote = io::Reactor::current().remote();
  }
  ~Question() { shared_->waiting = nullptr; }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  [[nodiscard]] bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    shared_->waiting = this;
    const bool is_asked = to_->post([shared = shared_, other = std::move(other_), upstream = std::move(upstream_)] {
      answer(shared, other, upstream);
    });
    if (!is_asked) shared_->waiting = nullptr;
    if (is_asked) io::Reactor::current().timers().link(*this, io::Reactor::current().in(patience_));
    return is_asked;
  }
  std::unique_ptr<UpstreamConnection> await_resume() { return std::move(got_); }
  void on_timer() override {
    shared_->waiting = nullptr;
    handle_.resume();
  }

 private:
  /// On the thread that was asked.
  static void answer(const std::shared_ptr<Shared>& shared, const std::weak_ptr<ConnectionPool>& other,
                     const Upstream& upstream) {
    Passed passed;
    if (const auto pool = other.lock()) passed.connection = pool->take(upstream);
    if (passed.connection) {
      passed.connection->shelf.reset();  // of the pool it leaves
      passed.fd = passed.connection->stream->detach();
    }
    shared->remote->post(
        [shared, held = std::make_shared<Passed>(std::move(passed))] { arrive(shared, std::move(*held)); });
  }
  /// On the asking thread.
  static void arrive(const std::shared_ptr<Shared>& shared, Passed passed) {
    if (passed.connection) {
      passed.connection->stream->attach(io::Reactor::current(), std::move(passed.fd));
      if (passed.connection->upstream.tls) passed.connection->stream->watch().share_events();
    }
    if (shared->waiting == nullptr) {
      const auto pool = shared->pool.lock();
      if (pool && passed.connection) pool->give(std::move(passed.connection));
      return;
    }
    Question& question = *std::exchange(shared->waiting, nullptr);
    question.unlink();
    question.got_ = std::move(passed.connection);
    question.handle_.resume();
  }

  std::shared_ptr<Shared> shared_;
  std::shared_ptr<io::Remote> to_;
  std::weak_ptr<ConnectionPool> other_;
  Upstream upstream_;
  std::chrono::milliseconds patience_;
  std::coroutine_handle<> handle_;
  std::unique_ptr<UpstreamConnection> got_;
};

}  // namespace

void IdleBoard::join(const std::shared_ptr<ConnectionPool>& pool) {
  auto member = std::make_shared<Member>(Member{io::Reactor::current().remote(), pool, pool->counts()});
  const std::lock_guard lock(mutex_);
  std::erase_if(members_, [](const auto& one) { return one->pool.expired(); });
  members_.push_back(std::move(member));
}

std::shared_ptr<IdleBoard::Member> IdleBoard::find(const ConnectionPool& asking, std::uint64_t hash) const {
  const std::lock_guard lock(mutex_);
  for (const auto& member : members_) {
    if (member->counts != asking.counts() && member->counts->has(hash)) return member;
  }
  return nullptr;
}

io::Task<std::unique_ptr<UpstreamConnection>> IdleBoard::take_elsewhere(std::shared_ptr<ConnectionPool> asking,
                                                                        Upstream upstream,
                                                                        std::chrono::milliseconds patience) {
  const auto member = find(*asking, ConnectionPool::hash_of(upstream));
  if (!member) co_return nullptr;
  Question question(asking, member->remote, member->pool, upstream, patience);
  co_return co_await question;
}

}  // namespace yz::net
