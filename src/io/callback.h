#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace yz::io {

/// A move-only `void()` callable: up to 48 bytes of captures live inside, more on the heap. May be empty.
class Callback {
 public:
  Callback() = default;
  template <typename F, typename = std::enable_if_t<!std::is_same_v<std::decay_t<F>, Callback> &&
                                                    std::is_invocable_r_v<void, std::decay_t<F>&>>>
  Callback(F&& function) {  // NOLINT: callables convert
    using Held = std::decay_t<F>;
    if constexpr (sizeof(Held) <= kInline && alignof(Held) <= alignof(std::max_align_t) &&
                  std::is_nothrow_move_constructible_v<Held>) {
      ::new (static_cast<void*>(storage_)) Held(std::forward<F>(function));
      table_ = &kInlineTable<Held>;
    } else {
      ::new (static_cast<void*>(storage_)) std::unique_ptr<Held>(std::make_unique<Held>(std::forward<F>(function)));
      table_ = &kHeapTable<Held>;
    }
  }
  Callback(Callback&& other) noexcept { take(other); }
  Callback& operator=(Callback&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~Callback() { reset(); }

  [[nodiscard]] explicit operator bool() const { return table_ != nullptr; }
  void operator()() { table_->call(storage_); }

 private:
  static constexpr std::size_t kInline = 48;
  struct Table {
    void (*call)(void*);
    void (*move)(void* from, void* to) noexcept;  ///< leaves `from` destroyed
    void (*destroy)(void*) noexcept;
  };
  template <typename Held>
  static constexpr Table kInlineTable{[](void* self) { (*static_cast<Held*>(self))(); },
                                      [](void* from, void* to) noexcept {
                                        ::new (to) Held(std::move(*static_cast<Held*>(from)));
                                        static_cast<Held*>(from)->~Held();
                                      },
                                      [](void* self) noexcept { static_cast<Held*>(self)->~Held(); }};
  template <typename Held>
  static constexpr Table kHeapTable{
      [](void* self) { (**static_cast<std::unique_ptr<Held>*>(self))(); },
      [](void* from, void* to) noexcept {
        auto* owner = static_cast<std::unique_ptr<Held>*>(from);
        ::new (to) std::unique_ptr<Held>(std::move(*owner));
        std::destroy_at(owner);
      },
      [](void* self) noexcept { std::destroy_at(static_cast<std::unique_ptr<Held>*>(self)); }};

  void take(Callback& other) noexcept {
    table_ = std::exchange(other.table_, nullptr);
    if (table_ != nullptr) table_->move(other.storage_, storage_);
  }
  void reset() noexcept {
    if (table_ != nullptr) std::exchange(table_, nullptr)->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInline];
  const Table* table_ = nullptr;
};

}  // namespace yz::io
