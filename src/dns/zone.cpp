#include "dns/zone.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/random.h"

namespace yz::dns {
namespace {

tl::unexpected<Error> refused(const Name& owner, std::string_view why) {
  return fail(Code::kInvalid, fmt::format("{}: {}", to_string(owner), why));
}

std::uint32_t last_u32(std::string_view data) {
  std::uint32_t out = 0;
  for (const char c : data.substr(data.size() - 4)) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

}  // namespace

const RrSet* ZoneNode::find(Type type) const {
  for (const auto& set : sets) {
    if (set.type == type) return &set;
  }
  return nullptr;
}

std::size_t Zone::Hash::operator()(std::string_view wire) const {
  // Names come from strangers: a seed of the process keeps them from choosing names that collide.
  static const std::uint64_t kSeed = [] {
    std::uint64_t seed = 0;
    std::memcpy(&seed, secret_bytes(sizeof seed).data(), sizeof seed);
    return seed;
  }();
  return static_cast<std::size_t>(hash64(wire, kSeed));
}

const ZoneNode* Zone::find(const Name& lowered) const {
  const auto it = nodes_.find(lowered.wire());
  return it == nodes_.end() ? nullptr : &it->second;
}

ZoneNode& Zone::node_at(const Name& lowered) {
  // Ancestors up to the origin come to exist with it.
  for (Name name = lowered.parent(); name.size() >= origin_.size(); name = name.parent()) {
    nodes_.try_emplace(std::string(name.wire()));
    if (name == origin_) break;
  }
  return nodes_[std::string(lowered.wire())];
}

Result<Zone> Zone::build(const Name& origin, std::span<const Record> records, std::span<const Service> services) {
  Zone zone;
  zone.origin_ = origin.lowered();
  for (const auto& record : records) {
    if (!record.owner.is_within(zone.origin_)) return refused(record.owner, "lies outside the zone");
    auto& sets = zone.node_at(record.owner.lowered()).sets;
    auto it = std::find_if(sets.begin(), sets.end(), [&](const RrSet& set) { return set.type == record.type; });
    if (it == sets.end()) it = sets.insert(it, RrSet{record.type, record.ttl, {}});
    // One TTL for a set (RFC 2181 §5.2): the lowest given. Duplicates are one record (§5).
    it->ttl = std::min(it->ttl, record.ttl);
    if (std::find(it->data.begin(), it->data.end(), record.data) == it->data.end()) it->data.push_back(record.data);
  }
  for (const auto& service : services) {
    if (!service.owner.is_within(zone.origin_)) return refused(service.owner, "lies outside the zone");
    YZ_ASSERT(service.number != 0);
    zone.node_at(service.owner.lowered()).service = service.number;
  }
  YZ_CHECK(zone.check());
  const ZoneNode* const apex = zone.find(zone.origin_);
  zone.soa_ = apex->find(Type::kSoa);
  zone.negative_ttl_ = std::min(zone.soa_->ttl, last_u32(zone.soa_->data.front()));
  return zone;
}

Status Zone::check() const {
  const ZoneNode* const apex = find(origin_);
  const RrSet* const soa = apex == nullptr ? nullptr : apex->find(Type::kSoa);
  if (soa == nullptr || soa->data.size() != 1) return refused(origin_, "the zone needs exactly one SOA at its apex");
  if (apex->find(Type::kNs) == nullptr) return refused(origin_, "the zone has no NS at its apex");
  for (const auto& [wire, node] : nodes_) {
    const Name owner = *Name::from_wire(wire);
    const RrSet* const cname = node.find(Type::kCname);
    if (cname != nullptr && (node.sets.size() > 1 || cname->data.size() > 1 || node.service != 0)) {
      return refused(owner, "a CNAME stands alone at its name (RFC 1034 section 3.6.2)");
    }
    if (owner == origin_) continue;
    if (node.find(Type::kNs) != nullptr || node.find(Type::kSoa) != nullptr) {
      return refused(owner, "SOA and NS below the apex are not offered");
    }
    if (node.service != 0 && (node.find(Type::kA) != nullptr || node.find(Type::kAaaa) != nullptr)) {
      return refused(owner, "has both fixed addresses and a service");
    }
  }
  return {};
}

}  // namespace yz::dns
