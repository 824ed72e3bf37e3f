#pragma once

namespace yz {

/// Deletes by a C library's function: std::unique_ptr<X509, Freed<X509_free>>.
template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

}  // namespace yz
