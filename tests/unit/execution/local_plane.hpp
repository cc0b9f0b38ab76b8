#pragma once

#include "runtime/base/env.hpp"
#include "runtime/execution/local_runner.hpp"
#include "tests/support/number_job.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace flott::testing {

inline constexpr auto here = "000000000000000000000000000000aa";

struct local_plane {
  explicit local_plane(std::uint64_t channel_bytes = 1 << 20) {
    data_plane_config config;
    config.listen = false;
    config.incarnation = here;
    config.workers = 2;
    config.channel_bytes = channel_bytes;
    config.open_timeout = std::chrono::milliseconds(200);
    config.options = {{"a.key", "from the plane"}, {"another", "kept"}};
    auto started = data_plane::start(std::move(config), system_env());
    REQUIRE(started.ok());
    plane = std::move(*started);
  }
  std::unique_ptr<local_run> start(const number_job& job) {
    auto run = local_run::start({{plane.get(), here}}, job.compiled());
    REQUIRE(run.ok());
    return std::move(*run);
  }
  local_outcome run(const number_job& job) { return start(job)->wait(); }

  std::unique_ptr<data_plane> plane;
};

/// Remembers what one attempt has said.
struct heard final : task_observer {
  void on_state(msg::TaskState state) override { add(msg::TaskState_Name(state)); }
  void on_first_batch() override { add("first batch"); }
  void on_outcome(task_outcome ended) override {
    const std::lock_guard lock(mutex);
    outcome = std::move(ended);
    has_ended = true;
  }
  void add(std::string word) {
    const std::lock_guard lock(mutex);
    words.push_back(std::move(word));
  }
  bool ended() {
    const std::lock_guard lock(mutex);
    return has_ended;
  }
  bool said(const std::string& word) {
    const std::lock_guard lock(mutex);
    return std::find(words.begin(), words.end(), word) != words.end();
  }
  std::mutex mutex;
  std::vector<std::string> words;
  task_outcome outcome;
  bool has_ended = false;
};

/// The job's tasks one by one, so that a test decides which of them live.
struct single_tasks {
  single_tasks(local_plane& on, const number_job& numbers) : plane(*on.plane), job(numbers.compiled()) {
    auto planned = plan_local_deployments(*job, "00000000000000000000000000000001", {{on.plane.get(), here}});
    REQUIRE(planned.ok());
    plan = std::move(*planned);
  }
  std::unique_ptr<task_handle> deploy(std::size_t vertex, std::shared_ptr<heard> by, std::uint32_t subtask = 0) {
    auto task = plane.deploy(plan[vertex][subtask], job, {}, std::move(by));
    if (!task.ok())
      FAIL(task.error().to_string());
    return std::move(*task);
  }
  data_plane& plane;
  std::shared_ptr<const compiled_job> job;
  std::vector<std::vector<msg::TaskDeployment>> plan;
};

}  // namespace flott::testing
