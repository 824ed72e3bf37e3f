#pragma once

#include "net/router.h"

namespace yz::edge {

class EdgeServer;

/// The API by which an agent (or a person with curl) drives this edge, served on the unix socket only.
///
///     GET  /status         {"epoch":u64,"config_seq":u64,"config_hash":"hex","purge_seq":u64,"ready":bool,
///                           "draining":bool,"load":{…model::Load…}}
///     PUT  /config         body: encoded ConfigSnapshot       204, 422 refused (problem says why; the old one stays)
///     POST /config/delta   body: encoded ConfigDelta          204, 409 does not follow what is in force, 422
///     POST /purge          body: encoded purge records        {"applied":u64}, 409 gap in the numbers, 422
///     POST /purge/resync   {"seq":u64}                        {"applied":u64}
///     POST /purge/local    {"kind":"url|directory|tag|host|all","host":"…","key":"…","hard":bool}
///                          numbered by this edge itself, for one that runs alone: {"applied":u64}
///     POST /prefetch       {"urls":["http://host/path", …]}   {"results":[{"url","ok","status","bytes","reason"}, …]}
///     POST /ready          {"ready":bool}                     204
///     POST /drain          {"draining":bool}                  204
///     GET  /metrics        Prometheus text
///     GET  /why?url=…      what the cache would do with a GET of this URL now, and why, as JSON
///
/// Errors are RFC 9457 problems.
void add_admin_routes(net::Router& router, EdgeServer& server);

}  // namespace yz::edge
