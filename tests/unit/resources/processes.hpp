#pragma once

#include "runtime/base/env.hpp"
#include "runtime/resources/proc.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_folder.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <sys/wait.h>
#include <thread>

namespace flott::testing {

using namespace std::chrono_literals;

/// A cluster folder whose processes all end with it.
class cluster_folder {
 public:
  ~cluster_folder() {
    for (const auto& record : recorded_processes(run())) {
      open_process(record).signal(SIGKILL);
      ::waitpid(record.pid, nullptr, 0);
    }
  }
  [[nodiscard]] std::filesystem::path run() const { return folder_ / "run"; }
  [[nodiscard]] std::filesystem::path logs() const { return folder_ / "logs"; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  [[nodiscard]] result<process_record> start(const std::string& id, std::vector<std::string> arguments,
                                             msg::NodeRole role = msg::NODE_ROLE_TASKMANAGER) const {
    std::vector<std::string> command{FLOTT_TEST_CHILD};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return start_process({id, role, std::move(command), run(), logs() / (id + ".log")}, system_env());
  }
  [[nodiscard]] std::string log_of(const std::string& id) const {
    const auto text = system_env().read_file(logs() / (id + ".log"));
    return text.ok() ? text.value() : "";
  }
  [[nodiscard]] bool ready(const std::string& id) const {
    return eventually([&] { return log_of(id).find("ready") != std::string::npos; });
  }

 private:
  temporary_folder folder_;
};

/// The wait status of a child that has been or will be ended.
inline int status_of(int pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return status;
}

}  // namespace flott::testing
