#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "io/reactor_thread.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/router.h"

namespace yz::edge {

class EdgeServer;

/// The admin socket and the chores of the process, on a reactor thread of their own, so that neither a slow disk nor a
/// large configuration holds up viewers.
class AdminServer {
 public:
  /// `path` empty: the chores only. Fails when the socket cannot be made.
  [[nodiscard]] static Result<std::unique_ptr<AdminServer>> start(EdgeServer& server, const std::string& path);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

 private:
  /// What lives on the reactor's thread.
  struct OnThread {
    explicit OnThread(io::Reactor& reactor) : client(reactor), http(reactor, router) {}
    net::Router router;
    net::HttpClient client;
    io::TaskScope chores;
    net::HttpServer http;
  };
  AdminServer() = default;

  std::unique_ptr<OnThread> on_thread_;
  io::ReactorThread thread_{"edge-admin"};
};

}  // namespace yz::edge
