#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/shell.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

using nlohmann::json;
constexpr const char* kPath = "/api/v1/nodes";

struct Options {
  std::string name;
  std::string group;
  std::vector<std::string> addresses;
  std::uint16_t port = 80;
  std::uint16_t tls_port = 443;
  std::uint32_t weight = 100;
};

std::string state_of(const json& node, const json& states) {
  for (const json& s : states["items"]) {
    if (s.value("node", 0) != node.value("id", 0)) continue;
    if (!s.value("connected", false)) return coloured(Colour::kRed, "away");
    if (s.value("draining", false)) return coloured(Colour::kYellow, "draining");
    return s.value("ready", false) ? coloured(Colour::kGreen, "ready") : coloured(Colour::kYellow, "starting");
  }
  return "never joined";
}

io::Task<Status> list(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json items, co_await api.list(kPath));
  if (shell.json) {
    shell.print_json(items);
    co_return Status();
  }
  YZ_CO_TRY(const json groups, co_await api.list("/api/v1/node-groups"));
  YZ_CO_TRY(const json states, co_await api.get("/api/v1/node-states"));
  Table table({"id", "name", "group", "tier", "address", "weight", "state"});
  for (const json& n : items) {
    std::string group, tier;
    for (const json& g : groups) {
      if (g["id"] == n["group"]) group = g.value("name", ""), tier = g.value("tier", "");
    }
    std::string address = n["addresses"].empty() ? "-" : n["addresses"][0].get<std::string>();
    table.add({std::to_string(n.value("id", 0)), n.value("name", ""), group, tier,
               fmt::format("{}:{}", address, n.value("http_port", 80)), std::to_string(n.value("weight", 100)),
               state_of(n, states)});
  }
  shell.print(table.text());
  co_return Status();
}

io::Task<Result<std::uint64_t>> id_of(ApiClient& api, std::string path, std::string name) {
  YZ_CO_TRY(const json found, co_await api.find(path, name));
  co_return found["id"].get<std::uint64_t>();
}

io::Task<Status> print_token(ApiClient& api, const Shell& shell, std::uint64_t node, std::string name) {
  const json wanted = {{"role", "edge"}, {"node", node}};
  YZ_CO_TRY(const json token, co_await api.post("/api/v1/nodes/join-tokens", wanted));
  if (shell.json) {
    shell.print_json(token);
  } else {
    shell.print(
        fmt::format("On {}, once, before {}:\n  yz-agent --join {} --control CONTROL:PORT --state /var/lib/yizhan\n",
                    name, token.value("expires", ""), token.value("token", "")));
  }
  co_return Status();
}

io::Task<Status> add(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const auto group, co_await id_of(api, "/api/v1/node-groups", o.group));
  const json wanted = {{"name", o.name},      {"group", group},           {"addresses", o.addresses},
                       {"http_port", o.port}, {"https_port", o.tls_port}, {"weight", o.weight}};
  YZ_CO_TRY(const json made, co_await api.post(kPath, wanted));
  if (!shell.json) shell.print(fmt::format("node {} is known. ", o.name));
  co_return co_await print_token(api, shell, made["id"].get<std::uint64_t>(), o.name);
}

io::Task<Status> token(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const auto id, co_await id_of(api, kPath, o.name));
  co_return co_await print_token(api, shell, id, o.name);
}

io::Task<Status> relay_token(ApiClient& api, const Shell& shell, Options o) {
  const json wanted = {{"role", "relay"}, {"name", o.name}};
  YZ_CO_TRY(const json token, co_await api.post("/api/v1/nodes/join-tokens", wanted));
  if (shell.json) {
    shell.print_json(token);
  } else {
    shell.print(fmt::format(
        "On {}, once, before {}:\n  yz-relay --join {} --name {} --control CONTROL:PORT --state /var/lib/yizhan-relay\n"
        "Its nodes name it first: yz-agent --control {}:8443 --control CONTROL:PORT\n",
        o.name, token.value("expires", ""), token.value("token", ""), o.name, o.name));
  }
  co_return Status();
}

io::Task<Status> list_relays(ApiClient& api, const Shell& shell) {
  YZ_CO_TRY(const json states, co_await api.get("/api/v1/node-states"));
  const json& relays = states["relays"];
  if (shell.json) {
    shell.print_json(relays);
    co_return Status();
  }
  Table table({"relay", "link", "sessions", "version"});
  for (const json& relay : relays) {
    table.add({relay.value("name", ""), relay.value("connected", false) ? "up" : "lost",
               std::to_string(relay.value("nodes", 0)), relay.value("version", "")});
  }
  shell.print(relays.empty() ? "no relay has connected: yz node relay-token NAME adds one\n" : table.text());
  co_return Status();
}

io::Task<Status> show(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const json node, co_await api.find(kPath, o.name));
  shell.print_json(node);
  co_return Status();
}

io::Task<Status> set_draining(ApiClient& api, const Shell& shell, Options o, bool draining) {
  YZ_CO_TRY(const auto id, co_await id_of(api, kPath, o.name));
  const json wanted = {{"draining", draining}};
  YZ_CO_TRY(const json node, co_await api.post(fmt::format("{}/{}/drain", kPath, id), wanted));
  shell.json ? shell.print_json(node)
             : shell.print(fmt::format("{} {}\n", o.name, draining ? "takes no new viewers" : "takes viewers again"));
  co_return Status();
}

io::Task<Status> remove(ApiClient& api, const Shell& shell, Options o) {
  YZ_CO_TRY(const auto id, co_await id_of(api, kPath, o.name));
  YZ_CO_TRY([[maybe_unused]] const json gone, co_await api.remove(fmt::format("{}/{}", kPath, id)));
  if (!shell.json) shell.print(fmt::format("node {} is removed\n", o.name));
  co_return Status();
}

}  // namespace

void add_node(CLI::App& app, Shell& shell) {
  auto* node = app.add_subcommand("node", "The machines that serve");
  node->footer(
      "Examples:\n"
      "  yz node list\n"
      "  yz node add sh-1 --group shanghai-telecom --address 198.51.100.7   prints how to start its agent\n"
      "  yz node drain sh-1     no new viewers, those it has stay\n"
      "  yz node undrain sh-1");
  node->require_subcommand(1);
  const auto o = std::make_shared<Options>();
  const auto does = [&shell, o](auto work) {
    return [&shell, o, work] {
      shell.action = [&shell, o, work] { return shell.with_api([&](ApiClient& api) { return work(api, shell, *o); }); };
    };
  };
  const auto by_name = [&](const char* name, const char* what, auto work) {
    auto* command = node->add_subcommand(name, what);
    command->add_option("name", o->name, "The node's name")->required();
    command->callback(does(work));
    return command;
  };
  node->add_subcommand("list", "All nodes and how they are")
      ->callback(does([](ApiClient& api, const Shell& s, const Options&) { return list(api, s); }));
  auto* adding = by_name("add", "Make a node known and get its join token", add);
  adding->add_option("--group", o->group, "Its group")->required();
  adding->add_option("--address", o->addresses, "Where viewers reach it (repeatable)")->required();
  adding->add_option("--port", o->port, "Its HTTP port")->capture_default_str();
  adding->add_option("--tls-port", o->tls_port, "Its HTTPS port; 0: none")->capture_default_str();
  adding->add_option("--weight", o->weight, "Its share within the group")->capture_default_str();
  by_name("show", "One node, as the API has it", show);
  by_name("token", "A new join token for a node", token);
  by_name("relay-token", "A join token for a relay of this name", relay_token);
  node->add_subcommand("relays", "The relays between control and nodes")
      ->callback(does([](ApiClient& api, const Shell& s, const Options&) { return list_relays(api, s); }));
  by_name("drain", "Take it out of scheduling",
          [](ApiClient& api, const Shell& s, Options x) { return set_draining(api, s, std::move(x), true); });
  by_name("undrain", "Put it back",
          [](ApiClient& api, const Shell& s, Options x) { return set_draining(api, s, std::move(x), false); });
  by_name("remove", "Forget it", remove);
}

}  // namespace yz::cli
