#pragma once

#include <memory>
#include <vector>

#include "io/task.h"
#include "net/tls.h"
#include "rpc/frame.h"

namespace yz::rpc {

/// The protocol's name in TLS (ALPN).
inline constexpr const char* kProtocol = "yizhan-node/1";

/// One connection of the channel, after its handshake: frames in, frames out. Belongs to its reactor; one coroutine
/// reads while another writes. Included by this room's sources only.
class Link {
 public:
  Link(std::unique_ptr<net::TlsStream> stream, std::size_t max_body);

  /// Calls `on_frame` for each frame as it comes, until the peer ends the stream or is gone (success), or as
  /// FrameReader::read.
  /// Holds no buffer while it waits.
  [[nodiscard]] io::Task<Status> read(FrameReader::OnFrame on_frame);
  /// Writes all, in order, with as few system calls as the socket takes them in.
  [[nodiscard]] io::Task<Status> write(std::vector<OutFrame> frames);
  /// Says that nothing follows, and takes what the peer still sends until it closes too, for at most `grace`: a socket
  /// closed with unread bytes would take back what was written last.
  [[nodiscard]] io::Task<void> close_gently(std::chrono::milliseconds grace);
  /// Ends both directions now: read() and write() return.
  void cut() { stream_->shutdown_both(); }

  void set_max_body(std::size_t max_body) { frames_.set_max_body(max_body); }
  /// When something came last.
  [[nodiscard]] MonoTime heard() const { return heard_; }
  [[nodiscard]] net::TlsStream& stream() { return *stream_; }

 private:
  std::unique_ptr<net::TlsStream> stream_;
  FrameReader frames_;
  MonoTime heard_;
};

/// Destroys the link where it is declared, on its reactor, though whoever has it may live on.
class LinkOwner {
 public:
  explicit LinkOwner(std::unique_ptr<Link>& link) : link_(link) {}
  ~LinkOwner() { link_.reset(); }
  LinkOwner(const LinkOwner&) = delete;
  LinkOwner& operator=(const LinkOwner&) = delete;

 private:
  std::unique_ptr<Link>& link_;
};

}  // namespace yz::rpc
