#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "io/reactor.h"
#include "io/tcp_stream.h"
#include "net/h2/frame.h"
#include "net/h2/head_encoder.h"
#include "net/h2/settings.h"

namespace yz::net::h2::testing {

using FieldLines = std::vector<std::pair<std::string, std::string>>;

inline std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {}) {
  std::string out(kFrameHeaderSize, '\0');
  write_frame_header(out.data(), payload.size(), type, flags, stream);
  return out.append(payload);
}

inline std::string u32(std::uint32_t value) {
  std::string out(4, '\0');
  write_u32(out.data(), value);
  return out;
}

inline std::string encode(const FieldLines& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    std::string line(name.size() + value.size() + 16, '\0');
    char* const end = encode_field(line.data(), name, value);
    out.append(line.data(), static_cast<std::size_t>(end - line.data()));
  }
  return out;
}

inline FieldLines request(std::string path, std::string method = "GET", const FieldLines& more = {}) {
  FieldLines fields = {
      {":method", std::move(method)}, {":scheme", "http"}, {":authority", "example.org"}, {":path", std::move(path)}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

/// A whole request without a body.
inline std::string get(std::uint32_t stream, const std::string& path, const FieldLines& more = {}) {
  return frame(FrameType::kHeaders, kEndHeaders | kEndStream, stream, encode(request(path, "GET", more)));
}
/// A request's head, with a body to follow.
inline std::string post(std::uint32_t stream, const std::string& path, const FieldLines& more = {}) {
  return frame(FrameType::kHeaders, kEndHeaders, stream, encode(request(path, "POST", more)));
}
inline std::string data(std::uint32_t stream, std::string_view bytes, bool ends) {
  return frame(FrameType::kData, ends ? kEndStream : 0, stream, bytes);
}
inline std::string window_update(std::uint32_t stream, std::uint32_t by) {
  return frame(FrameType::kWindowUpdate, 0, stream, u32(by));
}
inline std::string reset(std::uint32_t stream, ErrorCode code = ErrorCode::kCancel) {
  return frame(FrameType::kRstStream, 0, stream, u32(static_cast<std::uint32_t>(code)));
}
inline std::string setting(SettingId id, std::uint32_t value) {
  std::string payload(6, '\0');
  write_setting(payload.data(), id, value);
  return frame(FrameType::kSettings, 0, 0, payload);
}

/// A frame the server sent. Heads are decoded: ":status" is in `status`.
struct Received {
  FrameType type = FrameType::kData;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
  int status = 0;
  std::map<std::string, std::string> fields;
  [[nodiscard]] bool ends() const {
    return (type == FrameType::kData || type == FrameType::kHeaders) && (flags & kEndStream) != 0;
  }
  /// Of RST_STREAM and GOAWAY.
  [[nodiscard]] ErrorCode error() const {
    return static_cast<ErrorCode>(read_u32(payload.data() + (type == FrameType::kGoaway ? 4 : 0)));
  }
};

struct Response {
  int status = 0;
  std::map<std::string, std::string> fields;
  std::string body;
  std::optional<ErrorCode> reset;
  bool is_whole = false;
};

/// A client of raw frames on the test's reactor.
class Client {
 public:
  explicit Client(io::TcpStream stream) : stream_(std::move(stream)) { nghttp2_hd_inflate_new(&inflater_); }
  ~Client() { nghttp2_hd_inflate_del(inflater_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Connects and sends preface, SETTINGS (`settings`: whole frames, or one that is empty) and `more`.
  static io::Task<std::unique_ptr<Client>> open(Endpoint server, std::string more = {}, std::string settings = {}) {
    auto stream = co_await io::connect(server, io::Reactor::current().in(std::chrono::seconds(5)));
    EXPECT_TRUE(stream);
    auto client = std::make_unique<Client>(*std::move(stream));
    if (settings.empty()) settings = frame(FrameType::kSettings, 0, 0);
    const std::string start = std::string(kClientPreface) + settings + more;
    co_await client->send(start);
    co_return client;
  }

  io::Task<void> send(std::string bytes) {
    (void)co_await stream_.write_all(bytes, std::chrono::seconds(5));  // a server that gave us up may have closed
  }

  /// The next frame, or none when the connection ended (or nothing came for `wait`).
  io::Task<std::optional<Received>> next(std::chrono::milliseconds wait = std::chrono::seconds(5)) {
    while (true) {
      if (auto taken = take()) co_return taken;
      std::array<char, 32768> buffer;
      const auto n = co_await stream_.read(buffer, io::Reactor::current().in(wait));
      if (!n || *n == 0) {
        has_ended_ = !n ? n.error().code != Code::kTimeout : true;
        co_return std::nullopt;
      }
      in_.append(buffer.data(), *n);
    }
  }
  [[nodiscard]] bool has_ended() const { return has_ended_; }

  /// Reads until the response on `stream` is whole, it is reset, or the connection ends. What came for other streams is
  /// kept for when they are asked for.
  io::Task<Response> response(std::uint32_t stream) {
    while (!responses_[stream].is_whole && !responses_[stream].reset) {
      auto got = co_await next();
      if (!got) break;
      note(*got);
    }
    co_return responses_[stream];
  }

  /// Reads until GOAWAY and gives its error; none when the connection ended without one.
  io::Task<std::optional<ErrorCode>> goaway() {
    while (!goaway_) {
      auto got = co_await next();
      if (!got) break;
      note(*got);
    }
    co_return goaway_;
  }

  /// What came for a stream until now.
  [[nodiscard]] const Response& so_far(std::uint32_t stream) { return responses_[stream]; }

  void note(const Received& got) {
    Response& response = responses_[got.stream];
    if (got.type == FrameType::kHeaders && got.status >= 200) {
      response.status = got.status;
      response.fields = got.fields;
    }
    if (got.type == FrameType::kData) response.body += got.payload;
    if (got.type == FrameType::kRstStream) response.reset = got.error();
    if (got.type == FrameType::kGoaway) goaway_ = got.error();
    if (got.ends()) response.is_whole = true;
  }

  [[nodiscard]] io::TcpStream& stream() { return stream_; }

 private:
  std::optional<Received> take() {
    if (in_.size() < kFrameHeaderSize) return std::nullopt;
    const std::size_t size = read_u32(in_.data()) >> 8;
    if (in_.size() < kFrameHeaderSize + size) return std::nullopt;
    Received got;
    got.type = static_cast<FrameType>(in_[3]);
    got.flags = static_cast<std::uint8_t>(in_[4]);
    got.stream = read_u32(in_.data() + 5);
    got.payload = in_.substr(kFrameHeaderSize, size);
    in_.erase(0, kFrameHeaderSize + size);
    if (got.type == FrameType::kHeaders || got.type == FrameType::kContinuation) decode(got);
    return got;
  }

  void decode(Received& got) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(got.payload.data());
    std::size_t left = got.payload.size();
    const bool is_last = (got.flags & kEndHeaders) != 0;
    while (true) {
      nghttp2_nv field;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, is_last ? 1 : 0);
      ASSERT_GE(used, 0);
      at += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<const char*>(field.value), field.valuelen);
        if (name == ":status") got.status = std::stoi(value);
        got.fields[name] = value;
        continue;
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) nghttp2_hd_inflate_end_headers(inflater_);
      return;
    }
  }

  io::TcpStream stream_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string in_;
  std::map<std::uint32_t, Response> responses_;
  std::optional<ErrorCode> goaway_;
  bool has_ended_ = false;
};

}  // namespace yz::net::h2::testing
