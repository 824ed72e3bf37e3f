#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "io/reactor.h"
#include "net/fetch.h"

namespace yz::net::testing {

/// One request to a server on loopback that `reactor` runs; the test ends when nothing answers.
inline FetchResponse fetch_here(io::Reactor& reactor, std::uint16_t port, const std::string& path,
                                http::HeaderMap headers = {}, const std::string& method = "GET") {
  FetchRequest request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + path;
  request.headers = std::move(headers);
  request.method = method;
  HttpClient client(reactor);
  io::BlockingPool pool;
  io::Resolver resolver(pool);
  return *reactor.block_on(fetch(client, resolver, std::move(request)));
}

}  // namespace yz::net::testing
