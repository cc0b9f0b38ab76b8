#pragma once

/// REST GATEWAY answers HTTP from the newest snapshots it was told.
///
/// Lives  one per dispatcher process; child of its supervisor. The HTTP server's threads hand it one exchange a message.
/// Hears  snapshots of jobs and of the cluster; HTTP exchanges.
/// Tells  the DISPATCHER what clients want to run and to cancel; the MONITOR that somebody wants the trees.
/// Keeps  the newest snapshot of every job and of the cluster; who waits for which job's end.

#include "actors/interfaces.hpp"
#include "actors/supervisor.hpp"
#include "runtime/ha/job_store.hpp"
#include "runtime/http/server.hpp"
#include "runtime/rest/router.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace flott {

class env;

/// One request on its way to an answer, already routed.
struct http_exchange {
  http::request asked;
  rest::routed to;
  http::responder answer;
};

/// The cluster's job modules: the blobs of the job store, for HTTP threads and actors alike. Threads: any.
class module_shelf {
 public:
  /// `inspect` says whether a file is a job module that this build can run, and which job functions it has.
  using inspector = std::function<result<std::vector<std::string>>(const std::string& path)>;
  module_shelf(std::shared_ptr<job_store> store, inspector inspect);

  /// Takes over an uploaded file once it has been inspected. Blocks. Returns its blob.
  result<blob_info> add(const std::string& temporary, const std::string& file_name, std::int64_t unix_ms);
  [[nodiscard]] std::optional<blob_info> find(const std::string& sha256) const;
  [[nodiscard]] std::vector<blob_info> list() const;
  /// The job functions of a module; inspected once.
  [[nodiscard]] result<std::vector<std::string>> functions(const std::string& sha256);
  result<void> remove(const std::string& sha256);
  [[nodiscard]] std::string upload_folder() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<job_store> store_;
  inspector inspect_;
  std::map<std::string, std::vector<std::string>> functions_;   ///< by hash
};

struct rest_gateway_config {
  std::string incarnation;
  std::string address;                              ///< this server's own URL
  env* environment = nullptr;
  std::shared_ptr<module_shelf> modules;
  /// Whether a job's own settings are valid.
  std::function<result<void>(const msg::JobSpec&)> check_settings;
  std::chrono::milliseconds rpc_timeout{70'000};    ///< longer than the dispatcher takes to persist
  std::int64_t refresh_interval_ms = 3000;
  std::uint32_t max_waiting = 10'000;               ///< clients that wait for the end of a job
};

struct rest_gateway_siblings {
  child_ref_ptr dispatcher, monitor;
};

struct rest_gateway_state {
  rest_gateway_state() {}                           // NOLINT: an aggregate state would take CAF's arguments
  struct known_job {
    job_snapshot_ptr snapshot;
    stored_job_ptr stored;
  };
  struct waiting_client {
    http::responder answer;
    caf::actor_clock::time_point until;
  };
  rest_gateway_config config;
  rest_gateway_siblings siblings;
  std::map<std::string, known_job> jobs;
  std::multimap<std::string, waiting_client> waiting;   ///< by job id
  cluster_snapshot_ptr cluster;
  bool tick_armed = false;
  static inline const char* name = "rest_gateway";
};

rest_gateway_actor::behavior_type rest_gateway(rest_gateway_actor::stateful_pointer<rest_gateway_state> self,
                                               rest_gateway_config config, rest_gateway_siblings siblings);

/// The handler for http::server: answers what needs no actor (health, blobs, malformed requests) on the I/O thread, and
/// hands the rest to the gateway. `ready` says whether the process takes requests, `knows_host` whether it goes by the
/// name in a request's Host header.
http::handler rest_handler(child_ref_ptr gateway, std::shared_ptr<module_shelf> modules, std::function<bool()> ready,
                           std::function<bool(std::string_view)> knows_host);

}  // namespace flott
