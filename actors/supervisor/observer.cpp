#include "actors/supervisor.hpp"
#include "metrics/probes/supervisor_probe.hpp"
#include "runtime/base/log.hpp"

namespace flott {
namespace {

using supervision::report_kind;

log::level level_of(const supervision_event& event) {
  switch (event.kind) {
    case report_kind::child_abandoned:
    case report_kind::restart_limit: return log::level::error;
    case report_kind::release_failed:
    case report_kind::child_start_failed: return log::level::warn;
    case report_kind::child_exited:
      return event.cause == supervision::restart_cause::failure ? log::level::warn : log::level::debug;
    case report_kind::child_restarted: return log::level::info;
    case report_kind::child_released:
    case report_kind::auto_shutdown:
    case report_kind::child_started:
    case report_kind::child_declined:
    case report_kind::child_stopped:
    case report_kind::supervisor_started:
    case report_kind::supervisor_ended: return log::level::debug;
  }
  return log::level::info;
}

void write(const supervision_event& event) {
  const char* message = to_string(event.kind);
  const auto incarnation = event.incarnation;
  switch (level_of(event)) {
    case log::level::error:
      log::error(message, {{"supervisor", event.supervisor}, {"child", event.child}, {"incarnation", incarnation}, {"reason", event.text}});
      break;
    case log::level::warn:
      log::warn(message, {{"supervisor", event.supervisor}, {"child", event.child}, {"incarnation", incarnation}, {"reason", event.text}});
      break;
    case log::level::info:
      log::info(message, {{"supervisor", event.supervisor}, {"child", event.child}, {"incarnation", incarnation},
                          {"cause", event.cause ? to_string(*event.cause) : ""}});
      break;
    default:
      log::debug(message, {{"supervisor", event.supervisor}, {"child", event.child}, {"incarnation", incarnation}, {"reason", event.text}});
  }
}

class node_observer final : public supervision_observer {
 public:
  explicit node_observer(std::shared_ptr<supervisor_probe> probe) : probe_(std::move(probe)) {}

  void on_event(const supervision_event& event) override {
    write(event);
    if (!probe_ || event.child.empty())
      return;
    if (event.kind == report_kind::child_started && event.incarnation == 1)
      probe_->supervises(event.supervisor_class, event.child_class);
    else if (event.kind == report_kind::child_restarted)
      probe_->restarted(event.supervisor_class, event.child_class);
    else if (event.kind == report_kind::child_abandoned)
      probe_->abandoned(event.supervisor_class, event.child_class);
  }

 private:
  const std::shared_ptr<supervisor_probe> probe_;
};

}  // namespace

std::shared_ptr<supervision_observer> make_node_observer(std::shared_ptr<supervisor_probe> probe) {
  return std::make_shared<node_observer>(std::move(probe));
}

}  // namespace flott
