#include "actors/wire/messages.hpp"

namespace flott {
namespace {

template <class... Messages>
void add(caf::actor_system_config& config) {
  (config.add_message_type<Messages>(Messages::default_instance().GetTypeName()), ...);
}

}  // namespace

void add_message_types(caf::actor_system_config& config) {
  add<msg::Ack, msg::RegisterNode, msg::RegisterNodeReply, msg::Heartbeat, msg::HeartbeatReply, msg::LeaveCluster>(config);
  add<msg::RequestSlots, msg::SlotsGranted, msg::ReleaseSlots, msg::AllocateSlot, msg::FreeSlot, msg::SlotTable,
      msg::RequestPlanner, msg::PlannerReply, msg::RequestLossCause, msg::TaskManagerLost>(config);
  add<msg::SubmitJob, msg::SubmitReply, msg::CancelJob, msg::CancelReply, msg::AssignJob, msg::AssignReply,
      msg::JobPlanned, msg::CommitDecided, msg::ReturnJob, msg::JobEnded, msg::DispatcherReply, msg::JobSnapshots>(config);
  add<msg::PlanJob, msg::PlanResult, msg::DeployTasks, msg::DeployResult, msg::CancelTasks, msg::TaskReports,
      msg::JobHeartbeat, msg::JobHeartbeatReply, msg::GetTree, msg::TreeReply>(config);
}

}  // namespace flott
