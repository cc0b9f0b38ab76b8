#include "runtime/resources/process_table.hpp"

#include "runtime/base/env.hpp"

#include "runtime/resources/proc.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <unistd.h>

namespace flott {

namespace {

using clock = std::chrono::steady_clock;

struct running {
  process_record record;
  process_handle handle;
};

std::vector<running> running_of(std::vector<process_record> records) {
  std::vector<running> alive;
  for (auto& record : records) {
    if (record.pid == ::getpid())
      continue;   // the one that stops the others
    if (auto handle = open_process(record); handle.valid())
      alive.push_back({std::move(record), std::move(handle)});
  }
  return alive;
}

/// Waits until all have ended or `until`; leaves those that have not.
void wait_for_end(std::vector<running>& processes, clock::time_point until) {
  while (!processes.empty()) {
    std::vector<pollfd> fds;
    for (const auto& process : processes)
      fds.push_back({process.handle.fd(), POLLIN, 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
    std::vector<running> rest;
    for (std::size_t i = 0; i < processes.size(); ++i)
      if (ready <= 0 || fds[i].revents == 0)
        rest.push_back(std::move(processes[i]));
    processes = std::move(rest);
    if (clock::now() >= until)
      return;
  }
}

/// Asks, waits, kills, waits.
void end_all(std::vector<running> processes, std::chrono::milliseconds grace, clock::time_point deadline) {
  for (const auto& process : processes) {
    process.handle.signal(SIGTERM);
    process.handle.signal(SIGCONT);   // a stopped process hears SIGTERM only when it goes on
  }
  wait_for_end(processes, std::min(clock::now() + grace, deadline));
  for (const auto& process : processes)
    process.handle.signal(SIGKILL);   // works on a stopped process as well
  wait_for_end(processes, deadline);
}

}  // namespace

result<void> stop_processes(const std::filesystem::path& run_dir, std::chrono::milliseconds grace,
                            clock::time_point deadline) {
  std::vector<failure> broken;
  for (;;) {
    broken.clear();
    auto alive = running_of(recorded_processes(run_dir, &broken));
    if (alive.empty())
      break;
    if (clock::now() >= deadline)
      return transient_failure(alive.front().record.node_id, "process " + std::to_string(alive.front().record.pid)
                                                                 + " is still there");
    // While a dispatcher lives it replaces what is ended; so it goes first, and the folder is read again afterwards.
    const auto is_node = [](const running& p) { return p.record.role != msg::NODE_ROLE_DISPATCHER; };
    if (!std::ranges::all_of(alive, is_node))
      std::erase_if(alive, is_node);
    end_all(std::move(alive), grace, deadline);
  }
  if (!broken.empty()) {
    broken.front().message += "; the process it stood for, if any, was left alone";
    return broken.front();
  }
  return remove_run_folder(run_dir);
}

result<void> remove_run_folder(const std::filesystem::path& run_dir) {
  namespace fs = std::filesystem;
  std::error_code error, ignored;
  std::string foreign;
  for (const auto& record : recorded_processes(run_dir)) {
    if (is_alive(record))
      return transient_failure(record.node_id, "process " + std::to_string(record.pid) + " is still there");
    fs::remove(record_path(run_dir, record.node_id), ignored);
  }
  for (fs::directory_iterator entry(run_dir, error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.starts_with(module_cache_prefix) && parse_role(name.substr(module_cache_prefix.size(),
        name.rfind('-') - std::min(name.rfind('-'), module_cache_prefix.size()))) != msg::NODE_ROLE_UNSPECIFIED)
      fs::remove_all(entry->path(), ignored);
    else if (name.ends_with(".crash") || name.ends_with(temporary_suffix))
      fs::remove(entry->path(), ignored);
    else
      foreign = name;
  }
  if (error == std::errc::no_such_file_or_directory)
    return {};
  if (!error && !foreign.empty())
    return user_failure((run_dir / foreign).string(), "is not Flott's, so it was left alone, and its folder stays");
  if (!error)
    fs::remove(run_dir, error);
  if (error)
    return system_failure(run_dir.string(), "cannot remove the folder", error.value());
  return {};
}

}  // namespace flott
