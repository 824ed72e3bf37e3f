#pragma once

#include <cstddef>

namespace yz::net {

/// Lets OpenSSL take its memory from lists of each thread's own: a handshake makes more than a thousand small
/// allocations, and a request two of a record's size (SSL_MODE_RELEASE_BUFFERS). Call it first of all in main(), before
/// OpenSSL holds any memory; later it changes nothing and says so by false. Nothing to do with a sanitizer, which is to
/// see every allocation: false.
bool pool_openssl_memory();

// What OpenSSL calls then; for tests. As malloc, realloc and free.
[[nodiscard]] void* pool_allocate(std::size_t size) noexcept;
[[nodiscard]] void* pool_reallocate(void* memory, std::size_t size) noexcept;
void pool_free(void* memory) noexcept;

}  // namespace yz::net
