#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "model/certificate.h"
#include "model/challenge.h"
#include "model/domain.h"
#include "model/node.h"
#include "model/node_state.h"
#include "model/origin.h"
#include "model/policy.h"
#include "model/purge.h"
#include "model/suspension.h"
#include "model/task.h"
#include "model/usage.h"

namespace yz::model {

/// The stable lower-case names of an enum's values, by value: used in JSON, logs, metrics and the command line.
/// Defined for every enum of this room.
template <typename Enum>
[[nodiscard]] std::span<const std::string_view> names_of();

template <typename Enum>
[[nodiscard]] std::string_view name_of(Enum value) {
  return names_of<Enum>()[static_cast<std::size_t>(value)];
}

template <typename Enum>
[[nodiscard]] std::optional<Enum> from_name(std::string_view name) {
  const auto names = names_of<Enum>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <>
std::span<const std::string_view> names_of<CacheRuleMatch>();
template <>
std::span<const std::string_view> names_of<CacheAction>();
template <>
std::span<const std::string_view> names_of<QueryKey>();
template <>
std::span<const std::string_view> names_of<CacheProfile>();
template <>
std::span<const std::string_view> names_of<Tier>();
template <>
std::span<const std::string_view> names_of<ChainStep>();
template <>
std::span<const std::string_view> names_of<PurgeKind>();
template <>
std::span<const std::string_view> names_of<TaskKind>();
template <>
std::span<const std::string_view> names_of<TaskState>();
template <>
std::span<const std::string_view> names_of<CacheResult>();
template <>
std::span<const std::string_view> names_of<Protocol>();
template <>
std::span<const std::string_view> names_of<HttpsRedirect>();
template <>
std::span<const std::string_view> names_of<TlsVersion>();
template <>
std::span<const std::string_view> names_of<OnClientAbort>();
template <>
std::span<const std::string_view> names_of<OriginAuth>();
template <>
std::span<const std::string_view> names_of<ChallengeKind>();
template <>
std::span<const std::string_view> names_of<CertificateSource>();
template <>
std::span<const std::string_view> names_of<CapKind>();
template <>
std::span<const std::string_view> names_of<Health>();

}  // namespace yz::model
