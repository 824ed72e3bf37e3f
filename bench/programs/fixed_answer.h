#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace yz::bench {

/// What a bare responder is told on its command line.
struct ResponderOptions {
  std::uint16_t port = 0;
  std::size_t size = 1024;  ///< bytes of body
  std::size_t to = 0;  ///< above `size`: sixteen answers in turn, from `size` to it in equal ratios; bare_epoll only
  std::string header;  ///< one more response field, such as "Cache-Control: no-store"
  std::string count_file;  ///< a file of eight bytes, mapped: how many requests were answered; empty: none
};

/// Ends the program with exit status 2 and the sentence.
[[noreturn]] inline void give_up(std::string_view sentence) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(sentence.size()), sentence.data());
  std::exit(2);
}

inline ResponderOptions read_responder_options(int argc, char** argv) {
  ResponderOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--port") {
      options.port = static_cast<std::uint16_t>(std::strtoul(value, nullptr, 10));
    } else if (name == "--size") {
      options.size = std::strtoul(value, nullptr, 10);
    } else if (name == "--to") {
      options.to = std::strtoul(value, nullptr, 10);
    } else if (name == "--header") {
      options.header = value;
    } else if (name == "--count") {
      options.count_file = value;
    } else {
      give_up("usage: --port N [--size BYTES [--to BYTES]] [--header FIELD] [--count FILE]");
    }
  }
  if (options.port == 0) give_up("--port: expected the port to listen on");
  return options;
}

/// Head and body of the one answer; the body is the same as bench/lib/content.py makes for that size.
inline std::string make_answer(const ResponderOptions& options) {
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
  if (!options.header.empty()) answer += options.header + "\r\n";
  answer += "Content-Length: " + std::to_string(options.size) + "\r\n\r\n";
  const std::size_t head = answer.size();
  answer.resize(head + options.size);
  for (std::size_t i = 0; i < options.size; ++i) answer[head + i] = static_cast<char>(32 + i % 95);
  return answer;
}

/// The answers given in turn: one, or sixteen of growing size.
inline std::vector<std::string> make_answers(ResponderOptions options) {
  if (options.to <= options.size) return {make_answer(options)};
  std::vector<std::string> answers;
  const double ratio = std::pow(static_cast<double>(options.to) / static_cast<double>(options.size), 1.0 / 15);
  double size = static_cast<double>(options.size);
  for (int i = 0; i < 16; ++i, size *= ratio) {
    options.size = static_cast<std::size_t>(size);
    answers.push_back(make_answer(options));
  }
  return answers;
}

/// A non-blocking listening socket on 127.0.0.1.
inline int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 4096) != 0) {
    give_up("cannot listen on the port");
  }
  return fd;
}

/// Counts requests without bodies by their ends (RFC 9112 §2.1), which may be split over reads.
class RequestEnds {
 public:
  /// How many requests end in these bytes.
  unsigned count(std::string_view bytes) {
    if (matched_ == 0 && bytes.size() >= 4 && bytes.find("\r\n\r\n") == bytes.size() - 4) return 1;
    unsigned ends = 0;
    for (const char c : bytes) {
      if (c == "\r\n\r\n"[matched_]) {
        if (++matched_ == 4) {
          matched_ = 0;
          ++ends;
        }
      } else {
        matched_ = c == '\r' ? 1 : 0;
      }
    }
    return ends;
  }

 private:
  unsigned matched_ = 0;
};

/// A counter other processes can read while we run: eight bytes of a mapped file, in the machine's byte order.
class SharedCount {
 public:
  explicit SharedCount(const std::string& file) {
    if (file.empty()) return;
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ::ftruncate(fd, sizeof(std::uint64_t)) != 0) give_up("cannot write the file given with --count");
    void* page = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) give_up("cannot map the file given with --count");
    ::close(fd);
    word_ = static_cast<std::uint64_t*>(page);
  }
  void add(unsigned requests) {
    std::atomic_ref<std::uint64_t> word(*word_);
    word.store(word.load(std::memory_order_relaxed) + requests, std::memory_order_relaxed);
  }

 private:
  std::uint64_t own_ = 0;
  std::uint64_t* word_ = &own_;
};

}  // namespace yz::bench
