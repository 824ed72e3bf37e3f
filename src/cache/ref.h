#pragma once

#include <utility>

namespace yz::cache {

/// An owning pointer to something that counts its own references (`acquire`, `release`; the last `release` frees it).
/// Copying costs one atomic increment; any thread may hold and drop one.
template <typename T>
class Ref {
 public:
  Ref() = default;
  /// Takes over a reference the caller owns.
  [[nodiscard]] static Ref adopt(T* counted) {
    Ref ref;
    ref.counted_ = counted;
    return ref;
  }
  /// Adds a reference to something the caller keeps alive meanwhile.
  [[nodiscard]] static Ref share(T* counted) {
    if (counted != nullptr) counted->acquire();
    return adopt(counted);
  }
  Ref(const Ref& other) : counted_(other.counted_) {
    if (counted_ != nullptr) counted_->acquire();
  }
  Ref(Ref&& other) noexcept : counted_(std::exchange(other.counted_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(counted_, other.counted_);
    return *this;
  }
  ~Ref() {
    if (counted_ != nullptr) counted_->release();
  }

  [[nodiscard]] explicit operator bool() const { return counted_ != nullptr; }
  [[nodiscard]] T* get() const { return counted_; }
  T* operator->() const { return counted_; }
  T& operator*() const { return *counted_; }
  /// Gives the reference to the caller, who must `release` it.
  [[nodiscard]] T* detach() { return std::exchange(counted_, nullptr); }

 private:
  T* counted_ = nullptr;
};

}  // namespace yz::cache
