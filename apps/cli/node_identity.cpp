#include "apps/cli/node_identity.hpp"

#include "apps/cli/console.hpp"
#include "runtime/resources/process_table.hpp"

#include <utility>

#include <unistd.h>

namespace flott::cli {

result<node_identity> node_identity::take(const std::filesystem::path& dir, msg::NodeRole role,
                                          const std::string& given, env& environment) {
  node_identity identity;
  if (dir.empty()) {
    identity.id = given.empty() ? new_node_id(role, environment) : given;
    return identity;
  }
  const auto run = dir / "run";
  for (const auto& record : recorded_processes(run))
    if (record.node_id == given && record.pid == ::getpid() && is_alive(record)) {
      identity.id = given;
      identity.log = record.log;
      return identity;
    }
  identity.id = new_node_id(role, environment);
  identity.log = dir / "logs" / (identity.id + ".log");
  FLOTT_TRY(environment.make_directories(run));
  FLOTT_TRY(environment.make_directories(dir / "logs"));
  FLOTT_TRY(record_this_process(identity.id, role, run, identity.log.string(), environment));
  identity.own_record_ = record_path(run, identity.id);
  tell("flott: this is " + identity.id + "; its log is " + identity.log.string());
  return identity;
}

node_identity::node_identity(node_identity&& other) noexcept
    : id(std::move(other.id)), log(std::move(other.log)), own_record_(std::exchange(other.own_record_, {})) {}

node_identity::~node_identity() {
  std::error_code ignored;
  if (!own_record_.empty())
    std::filesystem::remove(own_record_, ignored);
}

}  // namespace flott::cli
