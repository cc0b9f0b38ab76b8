#include "metrics/probes/supervisor_probe.hpp"

namespace flott {
namespace {

const metric_description supervisor_restarts{"flott_supervisor_restarts_total", "Children that supervisors started again."};
const metric_description supervisor_abandoned{"flott_supervisor_abandoned_total",
                                              "Children that were in a handler at their deadline and given up."};

metric_labels labels_of(const std::string& supervisor, const std::string& child_class) {
  return {{"supervisor", supervisor}, {"child", child_class}};
}

}  // namespace

supervisor_probe::supervisor_probe(metrics_registry& registry) : registry_(&registry) {}

void supervisor_probe::supervises(const std::string& supervisor, const std::string& child_class) {
  static_cast<void>(registry_->counter(supervisor_restarts, labels_of(supervisor, child_class)));
  static_cast<void>(registry_->counter(supervisor_abandoned, labels_of(supervisor, child_class)));
}

void supervisor_probe::restarted(const std::string& supervisor, const std::string& child_class) {
  registry_->counter(supervisor_restarts, labels_of(supervisor, child_class)).add();
}

void supervisor_probe::abandoned(const std::string& supervisor, const std::string& child_class) {
  registry_->counter(supervisor_abandoned, labels_of(supervisor, child_class)).add();
}

void supervisor_probe::watch(std::function<std::vector<group>()> actors,
                             std::function<std::vector<std::pair<std::string, std::uint64_t>>()> lost_by_reason) {
  const auto show = [&](const char* name, const char* help, metric_kind kind, double (*value)(const group&)) {
    registry_->keep(registry_->sampled({name, help}, kind, [actors, value] {
      std::vector<metric_sample> samples;
      for (const auto& each : actors())
        samples.push_back({labels_of(each.supervisor, each.child_class), value(each)});
      return samples;
    }));
  };
  show("flott_actors", "Supervised actors that live.", metric_kind::gauge, [](const group& x) { return static_cast<double>(x.actors); });
  show("flott_actor_messages_total", "Messages that supervised actors have handled.", metric_kind::counter,
       [](const group& x) { return static_cast<double>(x.handled); });
  show("flott_actor_busy_seconds_total", "Time that supervised actors have spent in handlers.", metric_kind::counter,
       [](const group& x) { return static_cast<double>(x.busy_ms) / 1e3; });
  show("flott_actor_mailbox_messages", "Messages that wait in mailboxes of supervised actors.", metric_kind::gauge,
       [](const group& x) { return static_cast<double>(x.waiting); });
  show("flott_actor_mailbox_bytes", "Their size, where mailboxes are bounded by size.", metric_kind::gauge,
       [](const group& x) { return static_cast<double>(x.waiting_bytes); });
  show("flott_actor_mailbox_oldest_seconds", "For at least so long has the oldest of them been waiting.", metric_kind::gauge,
       [](const group& x) { return static_cast<double>(x.oldest_ms) / 1e3; });
  registry_->keep(registry_->sampled({"flott_dead_letters_total", "Messages that nobody handled."}, metric_kind::counter, [lost_by_reason] {
    std::vector<metric_sample> samples;
    for (const auto& [reason, count] : lost_by_reason())
      samples.push_back({{{"reason", reason}}, static_cast<double>(count)});
    return samples;
  }));
}

}  // namespace flott
