#pragma once

#include <string>
#include <string_view>

#include "cache/cache.h"

namespace yz::cache {

/// A response for tests: `meta()` views into it.
struct SampleResponse {
  std::string host = "www.a.com";
  std::string target = "/";
  std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
  std::string vary = {};
  Hash128 variant = {};
  Seq born = {};
  std::vector<std::uint32_t> tags = {};

  [[nodiscard]] ObjectMeta meta() const {
    ObjectMeta m;
    m.key = {primary_key(host, target), variant};
    m.base = base_id(host, target);
    m.born = born;
    m.lifetime = std::chrono::seconds(60);
    m.head_before_age = head;
    m.host = host;
    m.target = target;
    m.vary = vary;
    m.tags = tags;
    return m;
  }
};

[[nodiscard]] inline SampleResponse sample(std::string target) {
  SampleResponse response;
  response.target = std::move(target);
  return response;
}

[[nodiscard]] inline std::string text_of(const BodyView& body) {
  std::string all;
  for (std::size_t i = 0; i < body.piece_count(); ++i) all += body.piece(i);
  return all;
}

/// The plain object of a URL, or none.
[[nodiscard]] inline Ref<Object> find(Cache& cache, std::string_view host, std::string_view target) {
  return cache.lookup(primary_key(host, target), [](std::string_view) { return Hash128{1, 1}; }).object;
}

/// Asks for the fill of a sample's key.
[[nodiscard]] inline Joined join(Cache& cache, const SampleResponse& response, MonoTime now = MonoTime{},
                                 const Object* seen = nullptr) {
  const ObjectMeta meta = response.meta();
  return cache.join(meta.key, meta.base, response.host, response.target, now, seen);
}

/// Receives `bytes`; false when there is no room now.
[[nodiscard]] inline bool append(FillWriter& writer, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto room = writer.try_prepare();
    if (!room) return false;
    const std::size_t size = std::min(room->size(), bytes.size());
    bytes.copy(room->data(), size);
    writer.commit(size);
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace yz::cache
