#pragma once

#include <map>
#include <memory>
#include <utility>

#include "model/ids.h"

namespace yz::model {

/// Resources of one kind by id, in id order, each with the number of the change that last touched it.
/// Values are immutable and shared between snapshots, so copying a map copies no resource.
template <typename Id, typename T>
class ResourceMap {
 public:
  struct Entry {
    ConfigSeq seq;
    std::shared_ptr<const T> value;  ///< shared: old and new snapshots hold the same unchanged resource

    friend bool operator==(const Entry& a, const Entry& b) { return a.seq == b.seq && *a.value == *b.value; }
  };
  using const_iterator = typename std::map<Id, Entry>::const_iterator;

  /// Adds or replaces the resource with `value.id`.
  void put(T value, ConfigSeq seq) {
    const Id id = value.id;
    entries_[id] = Entry{seq, std::make_shared<const T>(std::move(value))};
  }
  void put(Id id, Entry entry) { entries_[id] = std::move(entry); }
  bool erase(Id id) { return entries_.erase(id) != 0; }

  /// Null when there is none. Lives as long as this map.
  [[nodiscard]] const T* find(Id id) const {
    const auto it = entries_.find(id);
    return it == entries_.end() ? nullptr : it->second.value.get();
  }
  /// The change that last touched it; zero when there is none.
  [[nodiscard]] ConfigSeq seq_of(Id id) const {
    const auto it = entries_.find(id);
    return it == entries_.end() ? ConfigSeq{} : it->second.seq;
  }
  [[nodiscard]] bool contains(Id id) const { return entries_.contains(id); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// Iterates as `for (const auto& [id, entry] : map)`.
  [[nodiscard]] const_iterator begin() const { return entries_.begin(); }
  [[nodiscard]] const_iterator end() const { return entries_.end(); }

  friend bool operator==(const ResourceMap&, const ResourceMap&) = default;

 private:
  std::map<Id, Entry> entries_;
};

}  // namespace yz::model
