#include "actors/embedding/supervision_history.hpp"

#include <ctime>
#include <cstdio>

namespace flott {

supervision_history::supervision_history(std::size_t most, std::vector<std::shared_ptr<supervision_observer>> next)
    : most_(most), next_(std::move(next)) {}

void supervision_history::on_event(const supervision_event& event) {
  {
    const std::lock_guard lock{mutex_};
    entries_.push_back({std::chrono::system_clock::now(), event});
    if (entries_.size() > most_) {
      entries_.pop_front();
      ++dropped_;
    }
  }
  for (const auto& each : next_)
    each->on_event(event);
}

std::vector<supervision_history::entry> supervision_history::entries() const {
  const std::lock_guard lock{mutex_};
  return {entries_.begin(), entries_.end()};
}

std::uint64_t supervision_history::dropped() const {
  const std::lock_guard lock{mutex_};
  return dropped_;
}

std::string to_text(const supervision_history::entry& entry) {
  const auto since = entry.at.time_since_epoch();
  const auto seconds = static_cast<std::time_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char time[16];
  std::snprintf(time, sizeof(time), "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min, local.tm_sec,
                static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000));
  const auto& event = entry.event;
  std::string line = std::string{time} + " " + event.supervisor;
  if (!event.child.empty())
    line += "/" + event.child + " #" + std::to_string(event.incarnation);
  line += std::string{" "} + to_string(event.kind);
  if (event.cause)
    line += std::string{" ("} + supervision::to_string(*event.cause) + ")";
  if (!event.text.empty())
    line += ": " + event.text;
  return line;
}

}  // namespace flott
