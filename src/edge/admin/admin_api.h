#pragma once

namespace yz::net {
class HttpClient;
class Router;
}  // namespace yz::net

namespace yz::edge {

class EdgeServer;

/// The API by which an agent (or a person with curl) drives this edge, served on the unix socket only:
/// docs/formats/edge-admin.md. Beyond what agents use:
///
///     POST /purge/local    {"kind":"url|directory|tag|host|all","host":"…","key":"…","hard":bool}
///                          numbered by this edge itself, for one that runs alone: {"applied":N}
///     GET  /metrics        Prometheus text
///     GET  /why?url=…      what the cache would do with a GET of this URL now, and why, as JSON
///
/// Errors are RFC 9457 problems. `client` is for prefetching and belongs to the router's reactor.
void add_admin_routes(net::Router& router, EdgeServer& server, net::HttpClient& client);

}  // namespace yz::edge
