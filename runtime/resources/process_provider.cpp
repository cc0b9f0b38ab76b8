#include "runtime/resources/process_provider.hpp"

#include "runtime/base/log.hpp"
#include "runtime/resources/proc.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <thread>

namespace flott {

namespace {

using time_point = env::time_point;

/// When the next node of a role may be started: at once, then after pauses that double while nodes keep ending young.
class replacement_pace {
 public:
  explicit replacement_pace(const process_provider_config& config) : config_(&config) {}

  [[nodiscard]] time_point next() const { return next_; }

  void ended(time_point now, std::chrono::nanoseconds lived) {
    if (lived >= config_->stable_after)
      in_a_row_ = 0;
    auto pause = std::chrono::milliseconds::zero();
    if (in_a_row_ > 0)
      pause = in_a_row_ > 20 ? config_->longest_pause
                             : std::min(config_->longest_pause, config_->first_pause * (1 << (in_a_row_ - 1)));
    ++in_a_row_;
    next_ = std::max(next_, now + pause);
  }

 private:
  const process_provider_config* config_;
  int in_a_row_ = 0;
  time_point next_{};
};

struct node {
  process_record record;
  process_handle handle;
  time_point started;
  bool adopted = false;
  bool stopping = false;    ///< not to be replaced
  bool asked_for = false;
  time_point kill_at = time_point::max();
};

class process_provider final : public resource_provider {
 public:
  process_provider(process_provider_config config, resource_listener& listener, env& environment, int wake)
      : config_(std::move(config)), listener_(listener), env_(environment), wake_(wake) {
    thread_ = std::thread([this] { run(); });
  }

  ~process_provider() override {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake();
    thread_.join();
  }

  void want(msg::NodeRole role, std::uint32_t count) override {
    {
      std::lock_guard lock(mutex_);
      wanted_[role] = count;
    }
    wake();
  }

  void stop_node(const std::string& node_id) override {
    {
      std::lock_guard lock(mutex_);
      const auto found = nodes_.find(node_id);
      if (found == nodes_.end() || found->second.stopping)
        return;
      auto& node = found->second;
      node.stopping = node.asked_for = true;
      node.kill_at = env_.now() + config_.stop_grace;
      if (auto& wanted = wanted_[node.record.role]; wanted > 0)
        --wanted;
      node.handle.signal(SIGTERM);
      node.handle.signal(SIGCONT);
    }
    wake();
  }

  void kill_node(const std::string& node_id) override {
    std::lock_guard lock(mutex_);
    if (const auto found = nodes_.find(node_id); found != nodes_.end()) {
      found->second.asked_for = true;
      found->second.handle.signal(SIGKILL);
    }
  }

  std::vector<node_started> nodes() const override {
    std::lock_guard lock(mutex_);
    std::vector<node_started> all;
    for (const auto& [id, node] : nodes_)
      all.push_back({id, node.record.role, node.record.pid, node.adopted});
    return all;
  }

 private:
  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto put = ::write(wake_.fd(), &one, sizeof one);
  }

  void run() {
    adopt();
    for (;;) {
      const auto next = start_missing();
      wait(next);
      std::vector<std::string> ended;
      {
        std::lock_guard lock(mutex_);
        if (ending_)
          return;
        ended = std::exchange(ended_, {});
        const auto now = env_.now();
        for (auto& [id, node] : nodes_)
          if (node.kill_at <= now) {
            node.kill_at = time_point::max();
            node.handle.signal(SIGKILL);
          }
      }
      for (const auto& id : ended)
        bury(id);
    }
  }

  /// Takes over what an earlier dispatcher started, and reports what ended while there was none.
  void adopt() {
    std::vector<failure> broken;
    for (auto& record : recorded_processes(config_.run_dir, &broken)) {
      if (record.role == msg::NODE_ROLE_DISPATCHER)
        continue;
      auto handle = open_process(record);
      if (!handle.valid()) {
        report_end(record, std::nullopt, std::nullopt, false);
        continue;
      }
      const node_started event{record.node_id, record.role, record.pid, true};
      log::info("node adopted", {{"peer", event.node_id}, {"pid", event.pid}});
      {
        std::lock_guard lock(mutex_);
        nodes_.emplace(event.node_id,
                       node{std::move(record), std::move(handle), env_.now() - config_.stable_after, true});
      }
      listener_.on_started(event);
    }
    for (const auto& failure : broken)
      log::warn("process record ignored", {{"error", failure.to_string()}});
  }

  /// Starts what is missing and may be started now; returns when to look again.
  time_point start_missing() {
    auto next = time_point::max();
    for (;;) {
      auto role = msg::NODE_ROLE_UNSPECIFIED;
      {
        std::lock_guard lock(mutex_);
        const auto now = env_.now();
        next = time_point::max();
        for (const auto& [id, node] : nodes_) next = std::min(next, node.kill_at);
        for (const auto& [wanted_role, count] : wanted_) {
          const auto living = std::ranges::count_if(nodes_, [role = wanted_role](const auto& entry) {
            return entry.second.record.role == role && !entry.second.stopping;
          });
          if (static_cast<std::uint64_t>(living) >= count)
            continue;
          const auto at = pace_of(wanted_role).next();
          if (at <= now) {
            role = wanted_role;
            break;
          }
          next = std::min(next, at);
        }
        if (ending_ || role == msg::NODE_ROLE_UNSPECIFIED)
          return next;
      }
      start(role);
    }
  }

  void start(msg::NodeRole role) {
    const auto id = new_node_id(role, env_);
    auto started = start_process({id, role, config_.command(role, id), config_.run_dir, config_.log_dir / (id + ".log")},
                                 env_);
    if (!started.ok()) {
      log::error("node cannot be started", {{"role", role_name(role)}, {"error", started.error().to_string()}});
      {
        std::lock_guard lock(mutex_);
        // Even the first pause is real here: what fails at once fails again at once.
        pace_of(role).ended(env_.now(), {});
        pace_of(role).ended(env_.now(), {});
      }
      listener_.on_start_failed(role, started.error());
      return;
    }
    auto& record = started.value();
    auto handle = open_process(record);
    const node_started event{id, role, record.pid, false};
    log::info("node started", {{"peer", id}, {"pid", record.pid}});
    {
      std::lock_guard lock(mutex_);
      const bool gone = !handle.valid();   // it ended before we could look
      nodes_.emplace(id, node{std::move(record), std::move(handle), env_.now()});
      if (gone)
        ended_.push_back(id);
    }
    listener_.on_started(event);
  }

  /// Until a node ends, somebody wakes us, or `until`.
  void wait(time_point until) {
    std::vector<pollfd> fds{{wake_.fd(), POLLIN, 0}};
    std::vector<std::string> ids;
    int timeout = -1;
    {
      std::lock_guard lock(mutex_);
      for (const auto& [id, node] : nodes_)
        if (node.handle.valid()) {
          fds.push_back({node.handle.fd(), POLLIN, 0});
          ids.push_back(id);
        }
      if (!ended_.empty() || ending_)
        timeout = 0;
      else if (until != time_point::max())
        timeout = static_cast<int>(std::clamp<std::int64_t>(
            std::chrono::ceil<std::chrono::milliseconds>(until - env_.now()).count(), 0, 60'000));
    }
    if (::poll(fds.data(), fds.size(), timeout) <= 0)
      return;
    if (fds[0].revents != 0) {
      std::uint64_t ignored;
      [[maybe_unused]] const auto got = ::read(wake_.fd(), &ignored, sizeof ignored);
    }
    std::lock_guard lock(mutex_);
    for (std::size_t i = 1; i < fds.size(); ++i)
      if (fds[i].revents != 0)
        ended_.push_back(ids[i - 1]);
  }

  /// Learns how a node ended and forgets it.
  void bury(const std::string& id) {
    std::optional<node> dead;
    {
      std::lock_guard lock(mutex_);
      const auto found = nodes_.find(id);
      if (found == nodes_.end())
        return;
      dead = std::move(found->second);
      nodes_.erase(found);
      if (!dead->stopping)
        pace_of(dead->record.role).ended(env_.now(), env_.now() - dead->started);
    }
    std::optional<int> exit_code, signal;
    if (int status = 0; !dead->adopted && ::waitpid(dead->record.pid, &status, WNOHANG) == dead->record.pid) {
      if (WIFEXITED(status)) exit_code = WEXITSTATUS(status);
      if (WIFSIGNALED(status)) signal = WTERMSIG(status);
    }
    report_end(dead->record, exit_code, signal, dead->asked_for);
  }

  void report_end(const process_record& record, std::optional<int> exit_code, std::optional<int> signal,
                  bool asked_for) {
    node_exited event{record.node_id, record.role, record.pid, exit_code, signal, std::nullopt, asked_for};
    const auto crash_file = crash_path(config_.run_dir, record.node_id);
    if (env_.exists(crash_file)) {
      if (auto crash = read_crash_report(crash_file); crash.ok())
        event.crash = std::move(crash).value();
      else
        log::warn("crash report ignored", {{"error", crash.error().to_string()}});
    }
    if (event.crash && !event.signal && !event.exit_code)
      event.signal = event.crash->signal;
    for (const auto& file : {record_path(config_.run_dir, record.node_id), crash_file})
      if (const auto removed = env_.remove(file); !removed.ok())
        log::warn("file of an ended node stays", {{"error", removed.error().to_string()}});
    std::error_code ignored;                // a node that was killed could not do this itself
    std::filesystem::remove_all(module_cache_path(config_.run_dir, record.node_id), ignored);
    log::info("node ended", {{"peer", record.node_id}, {"pid", record.pid}, {"how", event.how()},
                             {"asked_for", asked_for}});
    listener_.on_exited(event);
  }

  replacement_pace& pace_of(msg::NodeRole role) { return paces_.try_emplace(role, config_).first->second; }

  const process_provider_config config_;
  resource_listener& listener_;
  env& env_;
  process_handle wake_;

  mutable std::mutex mutex_;
  bool ending_ = false;
  std::map<msg::NodeRole, std::uint32_t> wanted_;
  std::map<msg::NodeRole, replacement_pace> paces_;
  std::map<std::string, node> nodes_;
  std::vector<std::string> ended_;   ///< known to have ended, not yet buried

  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<resource_provider>> start_process_provider(process_provider_config config,
                                                                  resource_listener& listener, env& environment) {
  FLOTT_TRY(environment.make_directories(config.run_dir));
  FLOTT_TRY(environment.make_directories(config.log_dir));
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0)
    return system_failure("process provider", "cannot make an eventfd", errno);
  return std::unique_ptr<resource_provider>(
      std::make_unique<process_provider>(std::move(config), listener, environment, wake));
}

}  // namespace flott
