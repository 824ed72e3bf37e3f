#include <string>

#include <benchmark/benchmark.h>

#include "http/chunked.h"
#include "http/request_parser.h"
#include "http/response_parser.h"
#include "http/vary.h"

namespace yz::http {
namespace {

/// What wrk sends.
constexpr std::string_view kSmall = "GET /1k.bin HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// What a browser sends.
constexpr std::string_view kBrowser =
    "GET /assets/js/app.4f2a9c.js?v=20260921 HTTP/1.1\r\nHost: www.a.example\r\nConnection: keep-alive\r\n"
    "sec-ch-ua: \"Chromium\";v=\"126\", \"Not.A/Brand\";v=\"24\"\r\nsec-ch-ua-mobile: ?0\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36\r\n"
    "Accept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n"
    "Referer: https://www.a.example/index.html\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\nCookie: sid=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";

void parse_request(benchmark::State& state, std::string_view bytes) {
  RequestParser parser;
  RequestHead head;
  for (auto _ : state) {
    parser.reset();
    auto progress = parser.parse(bytes, head);
    benchmark::DoNotOptimize(progress);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
}

void request_small(benchmark::State& state) { parse_request(state, kSmall); }
BENCHMARK(request_small);
void request_browser(benchmark::State& state) { parse_request(state, kBrowser); }
BENCHMARK(request_browser);

void response_typical(benchmark::State& state) {
  constexpr std::string_view kBytes =
      "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/css\r\n"
      "Content-Length: 1024\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"5f-400\"\r\n"
      "Cache-Control: max-age=3600\r\nAccept-Ranges: bytes\r\n\r\n";
  ResponseParser parser;
  ResponseHead head;
  for (auto _ : state) {
    parser.reset();
    auto progress = parser.parse(kBytes, Method::kGet, head);
    benchmark::DoNotOptimize(progress);
  }
}
BENCHMARK(response_typical);

void chunked_16k(benchmark::State& state) {
  const std::string body = "4000\r\n" + std::string(0x4000, 'x') + "\r\n0\r\n\r\n";
  for (auto _ : state) {
    ChunkedDecoder decoder;
    std::string_view rest = body;
    for (auto step = decoder.decode(rest); step.state == ChunkedDecoder::State::kMore; step = decoder.decode(rest)) {
      rest.remove_prefix(step.consumed);
    }
  }
}
BENCHMARK(chunked_16k);

void variant_of_encoding(benchmark::State& state) {
  RequestParser parser;
  RequestHead head;
  if (parser.parse(kBrowser, head).state != Progress::kComplete) return;
  const std::vector<std::string> names{"accept-encoding"};
  std::string scratch;
  for (auto _ : state) benchmark::DoNotOptimize(variant_key(names, head.fields, scratch));
}
BENCHMARK(variant_of_encoding);

}  // namespace
}  // namespace yz::http
