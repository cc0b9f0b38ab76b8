#include "actors/embedding/supervision_metrics.hpp"

#include "metrics/probes/supervisor_probe.hpp"
#include "runtime/base/log.hpp"

namespace flott {
namespace {

void log_dead_letter(const supervision::dead_letter& letter) {
  const auto write = letter.why == supervision::loss::unhandled ? log::warn : log::debug;
  write("a message was not handled", {{"reason", to_string(letter.why)}, {"type", letter.type}, {"receiver", letter.receiver},
                                      {"sender", letter.sender}, {"count", letter.count}});
}

std::vector<supervisor_probe::group> groups_of(const actor_board& board) {
  std::vector<supervisor_probe::group> groups;
  for (auto& [supervisor, child_class, x] : board.read())
    groups.push_back({supervisor, child_class, x.actors, x.handled, x.busy_ms, x.waiting, x.waiting_bytes, x.oldest_ms});
  return groups;
}

std::vector<std::pair<std::string, std::uint64_t>> losses_of(const supervision::dead_letters& lost) {
  std::vector<std::pair<std::string, std::uint64_t>> by_reason;
  for (std::size_t i = 0; i < supervision::loss_count; ++i) {
    const auto why = static_cast<supervision::loss>(i);
    by_reason.emplace_back(to_string(why), lost.count(why));
  }
  return by_reason;
}

}  // namespace

supervision_host measured_host(const std::shared_ptr<metrics_registry>& metrics) {
  supervision_host host;
  const auto probe = std::make_shared<supervisor_probe>(*metrics);
  host.board = std::make_shared<actor_board>();
  host.dead_letters = std::make_shared<supervision::dead_letters>(log_dead_letter);
  using both = std::pair<std::shared_ptr<metrics_registry>, std::shared_ptr<supervision_observer>>;
  const auto kept = std::make_shared<both>(metrics, make_node_observer(probe));
  host.observer = {kept, kept->second.get()};
  probe->watch([board = host.board] { return groups_of(*board); }, [lost = host.dead_letters] { return losses_of(*lost); });
  return host;
}

}  // namespace flott
