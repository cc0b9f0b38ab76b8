#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/http/message.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flott::rest {

/// What a request asks for. Each stands for one row of the table in router.cpp.
enum class route : std::uint8_t {
  config,                      // GET    /config
  overview,                    // GET    /overview
  jobs,                        // GET    /jobs
  submit_java_plan,            // POST   /jobs                          what `flink run` sends: refused with a reason
  jobs_overview,               // GET    /jobs/overview
  job,                         // GET    /jobs/:jobid
  cancel_job,                  // PATCH  /jobs/:jobid[?mode=cancel], GET /jobs/:jobid/yarn-cancel
  job_plan,                    // GET    /jobs/:jobid/plan
  job_exceptions,              // GET    /jobs/:jobid/exceptions[?maxExceptions=N]
  job_config,                  // GET    /jobs/:jobid/config
  job_status,                  // GET    /jobs/:jobid/status
  job_execution_result,        // GET    /jobs/:jobid/execution-result
  job_accumulators,            // GET    /jobs/:jobid/accumulators
  job_checkpoints,             // GET    /jobs/:jobid/checkpoints
  job_manager_config,          // GET    /jobs/:jobid/jobmanager/config
  vertex,                      // GET    /jobs/:jobid/vertices/:vertexid
  vertex_task_managers,        // GET    /jobs/:jobid/vertices/:vertexid/taskmanagers
  vertex_subtask_times,        // GET    /jobs/:jobid/vertices/:vertexid/subtasktimes
  vertex_accumulators,         // GET    /jobs/:jobid/vertices/:vertexid/accumulators
  cluster_config,              // GET    /jobmanager/config
  cluster_environment,         // GET    /jobmanager/environment
  task_managers,               // GET    /taskmanagers
  task_manager,                // GET    /taskmanagers/:taskmanagerid
  modules,                     // GET    /jars
  upload_module,               // POST   /jars/upload                   multipart
  run_module,                  // POST   /jars/:jarid/run
  delete_module,               // DELETE /jars/:jarid
  livez,                       // GET    /livez
  readyz,                      // GET    /readyz
  tree,                        // GET    /flott/v1/tree
  blob,                        // GET    /flott/v1/blobs/:sha256        also HEAD
  job_results,                 // GET    /flott/v1/jobs/:jobid/results[?wait-ms=N]
};

/// Who may ask for it: mirrors the permissions of messages/common.proto.
enum class access : std::uint8_t { view, submit };

struct routed {
  route to = route::overview;
  access needs = access::view;
  job_id job{};              ///< of routes below /jobs/:jobid
  vertex_id vertex{};        ///< of routes below .../vertices/:vertexid
  std::string name;          ///< :taskmanagerid, :jarid or :sha256 (64 lower-case hex digits)
};

/// Where a request goes, or the answer that ends it here: 404 for an unknown path, 405 with Allow for a wrong method,
/// 204 with Allow for OPTIONS, 400 for a malformed id or an unsupported cancellation mode. HEAD goes where GET goes.
/// Flink's paths are found at "/v1/..." and without the prefix. Pure.
[[nodiscard]] std::variant<routed, http::response> route_request(const http::request& asked);

/// Whether `asked` may carry a multipart body: for http::server_config::takes_upload.
[[nodiscard]] bool takes_upload(http::method verb, const std::string& path);

/// Whether a browser sent this on behalf of another site's page (Sec-Fetch-Site, or an Origin that is not the Host).
/// Such a request must not change anything: a page anywhere could else run code on a cluster that listens on loopback.
[[nodiscard]] bool is_cross_site(const http::request& asked);

/// Whether a Host header ("name", "name:port") names this machine's loopback. A cluster that listens there alone takes no
/// request by another name: a page anywhere could let its own name resolve to 127.0.0.1 (DNS rebinding).
[[nodiscard]] bool names_loopback(std::string_view host);

}  // namespace flott::rest
