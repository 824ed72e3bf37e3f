#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "io/list.h"
#include "io/watch.h"
#include "net/http_server.h"

namespace yz::net {

/// A connection that has had no request for a while: its descriptor, its deadline and little else. Without a coroutine
/// and without a buffer, it takes a few hundred bytes until its client speaks again, and then a session is made for it
/// anew. Owned by the list of its server; on that one's thread.
class DormantConnection final : public io::ListLink, private io::FdOp {
 public:
  /// Keeps a connection that nothing waits on, until bytes come or the deadline passes.
  static void keep(HttpServer& server, ServedConnection connection, MonoTime deadline);
  [[nodiscard]] static DormantConnection& of(io::ListLink& link) { return static_cast<DormantConnection&>(link); }
  /// Closes the connection; this is gone.
  void end();

 private:
  DormantConnection(HttpServer& server, ServedConnection connection, MonoTime deadline);
  ~DormantConnection() override;
  bool attempt() override { return watch().may_be_ready(io::Half::kRead); }
  void fail_with(Error) override { is_over_ = true; }
  void on_done() override;

  HttpServer& server_;
  ServedConnection connection_;
  bool is_over_ = false;
};

}  // namespace yz::net
