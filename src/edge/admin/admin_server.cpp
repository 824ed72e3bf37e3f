#include "edge/admin/admin_server.h"

#include "edge/admin/admin_api.h"
#include "edge/edge_server.h"
#include "io/reactor.h"

namespace yz::edge {
namespace {

constexpr std::chrono::seconds kChoreTimeout{30};

/// Runs on the pool, for it waits for the disk.
io::Task<void> keep_house(EdgeServer& server) {
  for (;;) {
    co_await io::sleep_for(std::chrono::seconds(1));
    (void)co_await server.pool().run([&server] { server.keep_house(); }, io::Reactor::current().in(kChoreTimeout));
  }
}

/// Frees purged objects, and writes used ones to disk, in small steps: no lock is held for long.
io::Task<void> sweep(EdgeServer& server) {
  for (;;) {
    co_await io::sleep_for(std::chrono::milliseconds(100));
    while (server.sweep()) co_await io::sleep_for(std::chrono::milliseconds(2));
    server.write_behind();
  }
}

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::start(EdgeServer& server, const std::string& path) {
  std::unique_ptr<AdminServer> admin(new AdminServer());
  Status bound;
  admin->thread_.run_and_wait([&](io::Reactor& reactor) {
    admin->on_thread_ = std::make_unique<OnThread>(reactor);
    OnThread& own = *admin->on_thread_;
    add_admin_routes(own.router, server, own.client);
    if (!path.empty()) bound = own.http.listen_unix(path);
    reactor.spawn_into(own.chores, keep_house(server));
    reactor.spawn_into(own.chores, sweep(server));
  });
  if (!bound) return fail(std::move(bound).error().with_context("admin socket " + path));
  return admin;
}

AdminServer::~AdminServer() {
  thread_.run_and_wait([this](io::Reactor&) { on_thread_.reset(); });
}

}  // namespace yz::edge
