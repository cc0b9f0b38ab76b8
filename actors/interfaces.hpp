#pragma once

// Every protocol between Flott's actors. A sentence a message; the messages themselves are in `messages/`.
//
// Roles, and where they live:
//   CLUSTER GATEWAY   one per dispatcher process; published on the RPC port; hands on to the three below it
//   DISPATCHER        accepts jobs, assigns each to a JobManager node, keeps what must not be lost
//   RESOURCE MANAGER  knows every TaskManager and grants its slots
//   MONITOR           knows how the cluster looks: nodes, health, cluster.json
//   REST GATEWAY      answers HTTP from the newest snapshots
//   JOB STORE         does the dispatcher's disk work
//   JOB MANAGER NODE  one per JobManager process; published; hosts the job managers
//   JOB MANAGER       one per job: plans, deploys, restarts, commits
//   COMMITTER         one per JobManager process: does the job managers' work on files
//   TASK MANAGER      one per TaskManager process; published; owns its slots
//   TASK              one per attempt; the records themselves run on the data plane
//   JOB LOADER        one per request; runs a job function, on a thread of its own
//   REGISTRAR         one per JobManager and TaskManager process: finds the dispatcher, keeps the connection
//   DIALER            one per process: turns an address into a handle

#include "actors/wire/messages.hpp"
#include "runtime/execution/data_plane.hpp"
#include "runtime/graph/logical_graph.hpp"

#include <caf/all.hpp>

#include <memory>
#include <string>
#include <vector>

CAF_BEGIN_TYPE_ID_BLOCK(flott, first_custom_type_id)
  CAF_ADD_ATOM(flott, flott::atom, tick, "tick")
  CAF_ADD_ATOM(flott, flott::atom, flush, "flush")
  CAF_ADD_ATOM(flott, flott::atom, dial, "dial")
  CAF_ADD_ATOM(flott, flott::atom, probe, "probe")
  CAF_ADD_ATOM(flott, flott::atom, describe, "describe")
  CAF_ADD_ATOM(flott, flott::atom, link_up, "linkup")
  CAF_ADD_ATOM(flott, flott::atom, link_down, "linkdown")
  CAF_ADD_ATOM(flott, flott::atom, fence, "fence")
  CAF_ADD_ATOM(flott, flott::atom, tree, "tree")
  CAF_ADD_ATOM(flott, flott::atom, load, "load")
  CAF_ADD_ATOM(flott, flott::atom, put, "put")
  CAF_ADD_ATOM(flott, flott::atom, cancel, "cancel")
  CAF_ADD_ATOM(flott, flott::atom, forget, "forget")
CAF_END_TYPE_ID_BLOCK(flott)

namespace flott {

struct http_exchange;                                           // actors/rest_gateway.hpp
using http_exchange_ptr = std::shared_ptr<http_exchange>;
using compiled_job_ptr = std::shared_ptr<const compiled_job>;

/// What the job loader made of a job: the compiled job, or why there is none.
struct load_outcome {
  compiled_job_ptr job;
  failure error;
};
using load_outcome_ptr = std::shared_ptr<const load_outcome>;

/// What the data plane told of one attempt.
struct task_event {
  msg::TaskState state = msg::TASK_STATE_UNSPECIFIED;
  bool first_batch = false;
  std::shared_ptr<task_outcome> outcome;                        ///< with a terminal state
};

/// How a process of the resource provider ended.
struct node_exit {
  std::string node_id;
  int exit_status = 0;
  int signal = 0;
  bool crashed_in_job = false;
  std::string job_id, vertex_id, operator_name;
  std::uint32_t subtask = 0;
};

/// A view of the cluster for those who show it.
using cluster_snapshot_ptr = std::shared_ptr<const msg::ClusterSnapshot>;
using job_snapshot_ptr = std::shared_ptr<const msg::JobSnapshot>;
using stored_job_ptr = std::shared_ptr<const msg::StoredJob>;
/// Files that sinks have written aside.
using committables_ptr = std::shared_ptr<const std::vector<msg::Committable>>;

}  // namespace flott

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::http_exchange_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::load_outcome_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::task_event)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::node_exit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::cluster_snapshot_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::job_snapshot_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::stored_job_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(flott::committables_ptr)

namespace flott {

/// DIALER turns an address into the handle of the gateway published there, within bounded time.
using dialer_actor = caf::typed_actor<
  caf::replies_to<atom::dial, std::string, std::uint16_t>::with<caf::strong_actor_ptr>,
  /// Whether somebody may still be there. False only when that is certain: nobody listens any more.
  caf::replies_to<atom::probe, std::string, std::uint16_t>::with<bool>>;

// --- dispatcher process ----------------------------------------------------------------------------------------

/// CLUSTER GATEWAY checks the envelope of everything that comes from another node, then hands it on.
using cluster_gateway_actor = caf::typed_actor<
  /// A node makes itself known, with the handle of its own gateway (a direct peer, so a handle may travel).
  caf::replies_to<msg::RegisterNode, caf::strong_actor_ptr>::with<msg::RegisterNodeReply>,
  /// A node lives; the answer tells it when it has to register again.
  caf::replies_to<msg::Heartbeat>::with<msg::HeartbeatReply>,
  /// A node ends in an orderly way.
  caf::reacts_to<msg::LeaveCluster>,
  /// A TaskManager's table changed.
  caf::reacts_to<msg::SlotTable>,
  /// A job wants slots; they come as SlotsGranted to the sender.
  caf::replies_to<msg::RequestSlots>::with<msg::Ack>,
  /// A job gives slots back, or up.
  caf::replies_to<msg::ReleaseSlots>::with<msg::Ack>,
  /// A job wants to know who may plan it.
  caf::replies_to<msg::RequestPlanner>::with<msg::PlannerReply>,
  /// A job lost the connection to a TaskManager and asks why; answered once it is known, or after a short wait.
  caf::replies_to<msg::RequestLossCause>::with<msg::TaskManagerLost>,
  /// Durable facts of a job; answered when they are on disk.
  caf::replies_to<msg::JobPlanned>::with<msg::DispatcherReply>,
  caf::replies_to<msg::CommitDecided>::with<msg::DispatcherReply>,
  caf::replies_to<msg::JobEnded>::with<msg::DispatcherReply>,
  /// A job has lost its JobManager, though not the node.
  caf::replies_to<msg::ReturnJob>::with<msg::DispatcherReply>,
  /// How the jobs of a node stand.
  caf::reacts_to<msg::JobSnapshots>,
  /// An incarnation was declared dead: nothing of it is heard any more. Local only.
  caf::reacts_to<atom::fence, std::string>>;

/// RESOURCE MANAGER; its messages are explained at the gateway.
using resource_manager_actor = caf::typed_actor<
  caf::replies_to<msg::RegisterNode, caf::strong_actor_ptr>::with<msg::RegisterNodeReply>,
  caf::replies_to<msg::Heartbeat>::with<msg::HeartbeatReply>,
  caf::reacts_to<msg::LeaveCluster>,
  caf::reacts_to<msg::SlotTable>,
  caf::replies_to<msg::RequestSlots>::with<msg::Ack>,
  caf::replies_to<msg::ReleaseSlots>::with<msg::Ack>,
  caf::replies_to<msg::RequestPlanner>::with<msg::PlannerReply>,
  caf::replies_to<msg::RequestLossCause>::with<msg::TaskManagerLost>,
  /// The provider saw a process end.
  caf::reacts_to<node_exit>,
  /// A job has ended: whatever it still holds is freed.
  caf::reacts_to<atom::forget, std::string>,
  caf::reacts_to<atom::tick>>;

/// DISPATCHER; what comes from nodes is explained at the gateway.
using dispatcher_actor = caf::typed_actor<
  /// Accepts a job, durably, or says why not; the same job again is answered as the first time.
  caf::replies_to<msg::SubmitJob>::with<msg::SubmitReply>,
  /// Asks a job to end.
  caf::replies_to<msg::CancelJob>::with<msg::CancelReply>,
  caf::replies_to<msg::RegisterNode, caf::strong_actor_ptr>::with<msg::RegisterNodeReply>,
  caf::replies_to<msg::Heartbeat>::with<msg::HeartbeatReply>,
  caf::reacts_to<msg::LeaveCluster>,
  caf::replies_to<msg::JobPlanned>::with<msg::DispatcherReply>,
  caf::replies_to<msg::CommitDecided>::with<msg::DispatcherReply>,
  caf::replies_to<msg::JobEnded>::with<msg::DispatcherReply>,
  caf::replies_to<msg::ReturnJob>::with<msg::DispatcherReply>,
  caf::reacts_to<msg::JobSnapshots>,
  caf::reacts_to<node_exit>,
  caf::reacts_to<atom::tick>>;

/// Whoever shows jobs and the cluster hears of both here.
using view_actor = caf::typed_actor<
  /// A job looks like this now; newer versions replace older ones.
  caf::reacts_to<job_snapshot_ptr>,
  /// What is durable of a job: its spec, and what it collected once it has ended.
  caf::reacts_to<stored_job_ptr>,
  /// The job is not kept any longer.
  caf::reacts_to<atom::forget, std::string>,
  /// The cluster looks like this now.
  caf::reacts_to<cluster_snapshot_ptr>>;

/// Whoever can show its process's supervision tree.
using tree_server_actor = caf::typed_actor<caf::replies_to<msg::GetTree>::with<msg::TreeReply>>;

/// MONITOR hears of every node and tells those who show the cluster.
using monitor_actor = caf::typed_actor<
  /// A node has registered, and this is its gateway.
  caf::reacts_to<msg::RegisterNode, caf::strong_actor_ptr>,
  /// The supervision trees of the whole cluster.
  caf::replies_to<msg::GetTree>::with<msg::TreeReply>,
  /// A node lives.
  caf::reacts_to<msg::Heartbeat>,
  /// A TaskManager's slots changed.
  caf::reacts_to<msg::SlotTable>,
  /// A node left, or was declared lost.
  caf::reacts_to<msg::LeaveCluster>,
  caf::reacts_to<atom::tick>>;

/// JOB STORE writes a job's record and answers when it is durable; blocking, so on a thread of its own.
using job_store_actor = caf::typed_actor<
  caf::replies_to<atom::put, stored_job_ptr>::with<msg::DispatcherReply>,
  /// The job is not kept any longer.
  caf::reacts_to<atom::forget, std::string>>;

/// REST GATEWAY answers one HTTP exchange a message.
using rest_gateway_actor = view_actor::extend<
  caf::reacts_to<http_exchange_ptr>,
  /// Clients have waited long enough for the end of a job.
  caf::reacts_to<atom::tick>>;

// --- nodes -----------------------------------------------------------------------------------------------------

/// What a node's gateway lets its REGISTRAR ask and tell.
using registered_node_actor = caf::typed_actor<
  /// Who the node is, and what it holds right now.
  caf::replies_to<atom::describe>::with<msg::RegisterNode>,
  /// The link to the dispatcher came, or went.
  caf::reacts_to<atom::link_up, cluster_gateway_actor, msg::RegisterNodeReply>,
  caf::reacts_to<atom::link_down>>;

// --- JobManager process ----------------------------------------------------------------------------------------

/// JOB MANAGER NODE hosts job managers; what concerns one job goes on to it.
using job_manager_node_actor = registered_node_actor::extend<
  /// Take this job over, at this epoch.
  caf::replies_to<msg::AssignJob>::with<msg::AssignReply>,
  /// Ask the job to end.
  caf::replies_to<msg::CancelJob>::with<msg::Ack>,
  /// The node's supervision tree.
  caf::replies_to<msg::GetTree>::with<msg::TreeReply>,
  /// From a job manager: a snapshot has changed; a job is over and needs no more.
  caf::reacts_to<job_snapshot_ptr>,
  caf::reacts_to<atom::flush>>;

/// COMMITTER works on files; what is told after something is done after it.
using committer_actor = caf::typed_actor<
  /// Publish: true, or the failure as an error. May be repeated.
  caf::replies_to<atom::put, committables_ptr>::with<bool>,
  /// Nobody will publish these.
  caf::reacts_to<atom::forget, committables_ptr>,
  /// Clear an output folder of what a job has left there unpublished, up to an epoch.
  caf::reacts_to<atom::forget, std::string, std::string, std::uint64_t>,
  /// Answered when everything before is done.
  caf::replies_to<atom::flush>::with<bool>>;

/// JOB MANAGER runs one job.
using job_manager_actor = caf::typed_actor<
  /// States and counters of its tasks, from their TaskManagers. Acknowledged, so that an end need not be told again.
  caf::replies_to<msg::TaskReports>::with<msg::Ack>,
  /// The slots it asked for, or why it gets none.
  caf::reacts_to<msg::SlotsGranted>,
  /// A TaskManager is gone.
  caf::reacts_to<msg::TaskManagerLost>,
  /// Its user wants it to end.
  caf::reacts_to<msg::CancelJob>,
  /// The link to the dispatcher came or went.
  caf::reacts_to<atom::link_up, cluster_gateway_actor, msg::RegisterNodeReply>,
  caf::reacts_to<atom::link_down>,
  caf::reacts_to<atom::tick>>;

// --- TaskManager process ---------------------------------------------------------------------------------------

/// TASK MANAGER owns its slots and what runs in them.
using task_manager_actor = registered_node_actor::extend<
  /// Run the job function and answer the graph.
  caf::replies_to<msg::PlanJob>::with<msg::PlanResult>,
  /// Run these attempts; each reports for itself.
  caf::replies_to<msg::DeployTasks>::with<msg::DeployResult>,
  /// Stop attempts.
  caf::replies_to<msg::CancelTasks>::with<msg::Ack>,
  /// Slots are taken or given back; the answer is the whole table.
  caf::replies_to<msg::AllocateSlot>::with<msg::SlotTable>,
  caf::replies_to<msg::FreeSlot>::with<msg::SlotTable>,
  /// The job lives; the answer carries what runs for it.
  caf::replies_to<msg::JobHeartbeat>::with<msg::JobHeartbeatReply>,
  caf::replies_to<msg::GetTree>::with<msg::TreeReply>,
  /// From a TASK: its attempt has changed.
  caf::reacts_to<msg::TaskReport>,
  caf::reacts_to<atom::flush>,
  caf::reacts_to<atom::tick>>;

/// TASK owns one attempt.
using task_actor = caf::typed_actor<
  /// From the data plane.
  caf::reacts_to<task_event>,
  caf::reacts_to<atom::cancel>>;

/// JOB LOADER turns a job's spec into a compiled job; user code runs here, so on a thread of its own.
using job_loader_actor = caf::typed_actor<
  caf::replies_to<atom::load, msg::JobSpec, msg::Address>::with<load_outcome_ptr>>;

/// REGISTRAR keeps a node connected to the leading dispatcher.
using registrar_actor = caf::typed_actor<
  caf::reacts_to<atom::tick>,
  /// The node's slots changed: tell the dispatcher now.
  caf::reacts_to<msg::SlotTable>>;

}  // namespace flott
