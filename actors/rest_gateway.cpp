#include "actors/rest_gateway.hpp"

#include "actors/exit_reason.hpp"
#include "actors/node/compile_job.hpp"
#include "runtime/base/env.hpp"
#include "runtime/base/log.hpp"
#include "runtime/graph/job_states.hpp"
#include "runtime/rest/documents.hpp"
#include "runtime/rest/run_request.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace flott {
namespace {

using self_ptr = rest_gateway_actor::stateful_pointer<rest_gateway_state>;
using known_job = rest_gateway_state::known_job;

constexpr std::chrono::milliseconds longest_wait{50'000}, wait_tick{50};

rest::job_list all_jobs(const rest_gateway_state& state) {
  rest::job_list jobs;
  jobs.reserve(state.jobs.size());
  for (const auto& [id, job] : state.jobs)
    if (job.snapshot)
      jobs.push_back(job.snapshot.get());
  std::sort(jobs.begin(), jobs.end(), [](const auto* a, const auto* b) {
    return std::tuple(a->start_unix_ms(), a->job_id()) < std::tuple(b->start_unix_ms(), b->job_id());
  });
  return jobs;
}

const msg::ClusterSnapshot& cluster_of(const rest_gateway_state& state) {
  return state.cluster ? *state.cluster : msg::ClusterSnapshot::default_instance();
}

http::response results_of(const known_job& job, std::int64_t now) {
  std::vector<const msg::CollectedRows*> rows;
  if (job.stored && job.snapshot->state() == msg::JOB_STATE_FINISHED)
    for (const auto& sink : job.stored->collected())
      rows.push_back(&sink);
  return http::json_response(rest::job_results(*job.snapshot, rows, now));
}

/// Both the snapshot and, for its rows, the durable record of the end have come.
bool is_over(const known_job& job) {
  if (!job.snapshot || !is_terminal(job.snapshot->state()))
    return false;
  return job.snapshot->state() != msg::JOB_STATE_FINISHED || (job.stored && job.stored->ended());
}

// --- modules ------------------------------------------------------------------------------------------------------

std::vector<rest::module_entry> module_entries(module_shelf& shelf) {
  std::vector<rest::module_entry> entries;
  for (const auto& blob : shelf.list()) {
    auto functions = shelf.functions(blob.sha256);
    entries.push_back({blob.sha256, blob.original_name, blob.uploaded_unix_ms,
                       functions ? std::move(functions).value() : std::vector<std::string>{}});
  }
  return entries;
}

/// Hashing and inspecting an upload takes its time, so it runs on a thread of its own.
void take_upload(const http_exchange_ptr& exchange, const std::shared_ptr<module_shelf>& shelf, std::int64_t now) {
  const http::form_part* file = nullptr;
  for (const auto& part : exchange->asked.parts)
    if (part.file) {
      if (file != nullptr) {
        exchange->answer(http::error_response(400, "exactly one file is expected, not several"));
        return;
      }
      file = &part;
    }
  if (file == nullptr) {
    exchange->answer(http::error_response(400, "no file in the request; send one as multipart/form-data"));
    return;
  }
  const auto name = rest::module_file_name(file->file_name);
  if (!name) {
    exchange->answer(rest::failed(400, name.error()));
    return;
  }
  const auto blob = shelf->add(file->file->path(), *name, now);
  if (!blob) {
    exchange->answer(rest::failed(blob.error().domain == failure_domain::user ? 400 : 500, blob.error()));
    return;
  }
  log::info("module uploaded", {{"name", *name}, {"sha256", blob->sha256}, {"bytes", blob->bytes}});
  exchange->answer(http::json_response(rest::module_uploaded(rest::module_id(blob->sha256, blob->original_name))));
}

void run_module(self_ptr self, const http_exchange_ptr& exchange) {
  auto& state = self->state;
  auto wish = rest::parse_run_request(exchange->asked);
  if (!wish) {
    exchange->answer(rest::failed(400, wish.error()));
    return;
  }
  const auto sha256 = rest::sha256_of_module_id(exchange->to.name);
  if (!sha256 || !state.config.modules->find(*sha256)) {
    exchange->answer(http::error_response(404, "no module " + exchange->to.name + " has been uploaded"));
    return;
  }
  const auto functions = state.config.modules->functions(*sha256);
  const auto function = functions ? choose_function(*functions, wish->function) : result<std::string>{functions.error()};
  if (!function) {
    exchange->answer(rest::failed(400, function.error()));
    return;
  }
  msg::SubmitJob request;
  request.mutable_header()->set_incarnation(state.config.incarnation);
  auto& spec = *request.mutable_spec();
  spec.set_job_id((wish->job ? *wish->job : new_job_id(*state.config.environment)).hex());
  spec.set_name(wish->name.empty() ? *function : wish->name);
  spec.set_module_sha256(*sha256);
  spec.set_function(*function);
  spec.set_parallelism(wish->parallelism);
  spec.set_submitted_unix_ms(state.config.environment->now_unix_ms());
  for (const auto& [key, value] : wish->parameters) {
    auto& entry = *spec.add_parameters();
    entry.set_key(key);
    entry.set_value(value);
  }
  for (const auto& [key, value] : wish->configuration) {
    if (key == "pipeline.name")
      continue;
    auto& entry = *spec.add_configuration();
    entry.set_key(key);
    entry.set_value(value);
  }
  if (const auto valid = state.config.check_settings(spec); !valid) {
    exchange->answer(rest::failed(400, valid.error()));
    return;
  }
  self->request(state.siblings.dispatcher->as<dispatcher_actor>(), state.config.rpc_timeout, std::move(request))
    .then(
      [exchange](const msg::SubmitReply& reply) {
        if (reply.has_failure())
          exchange->answer(rest::failed(reply.http_status() >= 400 ? static_cast<int>(reply.http_status()) : 503,
                                        from_proto(reply.failure()), reply.retry_after_s()));
        else
          exchange->answer(http::json_response(rest::module_started(reply.job_id())));
      },
      [exchange](const caf::error&) {
        exchange->answer(http::error_response(503, "the dispatcher did not answer; ask again", 1));
      });
}

void delete_module(self_ptr self, const http_exchange_ptr& exchange) {
  auto& shelf = *self->state.config.modules;
  const auto sha256 = rest::sha256_of_module_id(exchange->to.name);
  if (!sha256 || !shelf.find(*sha256)) {
    exchange->answer(http::error_response(404, "no module " + exchange->to.name + " has been uploaded"));
    return;
  }
  for (const auto& [id, job] : self->state.jobs)
    if (job.stored && !job.stored->ended() && job.stored->spec().module_sha256() == *sha256) {
      exchange->answer(http::error_response(409, "job " + id + " still runs this module"));
      return;
    }
  if (const auto done = shelf.remove(*sha256); !done)
    exchange->answer(rest::failed(500, done.error()));
  else
    exchange->answer(http::json_response(rest::empty_document()));
}

// --- jobs ----------------------------------------------------------------------------------------------------------

void cancel_job(self_ptr self, const http_exchange_ptr& exchange) {
  auto& state = self->state;
  msg::CancelJob wish;
  wish.mutable_header()->set_incarnation(state.config.incarnation);
  wish.set_job_id(exchange->to.job.hex());
  self->request(state.siblings.dispatcher->as<dispatcher_actor>(), state.config.rpc_timeout, std::move(wish))
    .then(
      [exchange](const msg::CancelReply& reply) {
        if (reply.has_failure())
          exchange->answer(rest::failed(static_cast<int>(reply.http_status()), from_proto(reply.failure())));
        else
          exchange->answer(http::json_response(rest::empty_document(), 202));
      },
      [exchange](const caf::error&) {
        exchange->answer(http::error_response(503, "the dispatcher did not answer; ask again", 1));
      });
}

void arm_wait_tick(self_ptr self) {
  if (self->state.tick_armed || self->state.waiting.empty())
    return;
  self->state.tick_armed = true;
  self->delayed_send(self, wait_tick, atom::tick_v);
}

void answer_results(self_ptr self, const http_exchange_ptr& exchange, const known_job& job) {
  auto& state = self->state;
  std::int64_t wait_ms = 0;
  if (const auto text = exchange->asked.parameter("wait-ms"); !text.empty()) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), wait_ms);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || wait_ms < 0) {
      exchange->answer(http::error_response(400, "wait-ms is not a number of milliseconds: " + std::string{text}));
      return;
    }
  }
  if (wait_ms == 0 || is_over(job) || state.waiting.size() >= state.config.max_waiting) {
    exchange->answer(results_of(job, state.config.environment->now_unix_ms()));
    return;
  }
  const auto limit = std::min(std::chrono::milliseconds{wait_ms}, longest_wait);
  state.waiting.emplace(exchange->to.job.hex(),
                        rest_gateway_state::waiting_client{exchange->answer, self->clock().now() + limit});
  arm_wait_tick(self);
}

void answer_waiting(self_ptr self, const std::string& job_id) {
  auto& state = self->state;
  const auto job = state.jobs.find(job_id);
  if (job == state.jobs.end() || !is_over(job->second))
    return;
  const auto [first, last] = state.waiting.equal_range(job_id);
  for (auto client = first; client != last; ++client)
    client->second.answer(results_of(job->second, state.config.environment->now_unix_ms()));
  state.waiting.erase(first, last);
}

void expire_waiting(self_ptr self) {
  auto& state = self->state;
  state.tick_armed = false;
  const auto now = self->clock().now();
  for (auto client = state.waiting.begin(); client != state.waiting.end();) {
    if (client->second.until > now) {
      ++client;
      continue;
    }
    const auto job = state.jobs.find(client->first);
    client->second.answer(job == state.jobs.end()
                            ? rest::no_such_job(client->first)
                            : results_of(job->second, state.config.environment->now_unix_ms()));
    client = state.waiting.erase(client);
  }
  arm_wait_tick(self);
}

void answer_job(self_ptr self, const http_exchange_ptr& exchange) {
  auto& state = self->state;
  const auto id = exchange->to.job.hex();
  const auto found = state.jobs.find(id);
  if (found == state.jobs.end() || !found->second.snapshot) {
    exchange->answer(rest::no_such_job(id));
    return;
  }
  const auto& job = *found->second.snapshot;
  static const msg::JobSpec no_spec;
  const auto& spec = found->second.stored ? found->second.stored->spec() : no_spec;
  const auto now = state.config.environment->now_unix_ms();
  const auto vertex = exchange->to.vertex.hex();
  const auto reply = [&](std::string document) { exchange->answer(http::json_response(std::move(document))); };
  const auto reply_vertex = [&](std::optional<std::string> document) {
    if (document)
      reply(std::move(*document));
    else
      exchange->answer(http::error_response(404, "job " + id + " has no vertex " + vertex));
  };
  switch (exchange->to.to) {
    case rest::route::job: return reply(rest::job_details(job, now));
    case rest::route::job_plan: return reply(rest::job_plan(job));
    case rest::route::job_config: return reply(rest::job_config(job, spec));
    case rest::route::job_status: return reply(rest::job_status(job));
    case rest::route::job_execution_result: return reply(rest::job_execution_result(job, now));
    case rest::route::job_accumulators: return reply(rest::job_accumulators());
    case rest::route::job_checkpoints: return exchange->answer(rest::no_checkpoints(id));
    case rest::route::job_manager_config: return reply(rest::job_manager_config(cluster_of(state), spec));
    case rest::route::vertex: return reply_vertex(rest::vertex_details(job, vertex, now));
    case rest::route::vertex_task_managers: return reply_vertex(rest::vertex_task_managers(job, vertex, now));
    case rest::route::vertex_subtask_times: return reply_vertex(rest::vertex_subtask_times(job, vertex, now));
    case rest::route::vertex_accumulators: return reply_vertex(rest::vertex_accumulators(job, vertex));
    case rest::route::job_results: return answer_results(self, exchange, found->second);
    case rest::route::job_exceptions: {
      std::size_t limit = 20;
      if (const auto text = exchange->asked.parameter("maxExceptions"); !text.empty()) {
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
        if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size())
          return exchange->answer(http::error_response(400, "maxExceptions is not a number: " + std::string{text}));
      }
      return reply(rest::job_exceptions(job, limit));
    }
    default: return exchange->answer(http::error_response(500, "a route without an answer"));
  }
}

// --- all exchanges -----------------------------------------------------------------------------------------------

void show_trees(self_ptr self, const http_exchange_ptr& exchange) {
  msg::GetTree wish;
  wish.mutable_header()->set_incarnation(self->state.config.incarnation);
  self->request(self->state.siblings.monitor->as<monitor_actor>(), std::chrono::seconds{5}, std::move(wish))
    .then([exchange](const msg::TreeReply& reply) { exchange->answer(http::json_response(reply.json())); },
          [exchange](const caf::error&) { exchange->answer(http::error_response(503, "the trees did not come in time", 1)); });
}

void answer_exchange(self_ptr self, const http_exchange_ptr& exchange) {
  auto& state = self->state;
  const auto& product = rest::product{};
  const auto now = state.config.environment->now_unix_ms();
  const auto reply = [&](std::string document) { exchange->answer(http::json_response(std::move(document))); };
  switch (exchange->to.to) {
    case rest::route::config: return reply(rest::dashboard_config(product, state.config.refresh_interval_ms, true));
    case rest::route::overview: return reply(rest::cluster_overview(product, cluster_of(state), all_jobs(state)));
    case rest::route::jobs: return reply(rest::job_ids(all_jobs(state)));
    case rest::route::jobs_overview: return reply(rest::jobs_overview(all_jobs(state), now));
    case rest::route::submit_java_plan: return exchange->answer(rest::java_plan_refused());
    case rest::route::cluster_config: return reply(rest::cluster_config(cluster_of(state)));
    case rest::route::cluster_environment: return reply(rest::cluster_environment(product));
    case rest::route::task_managers: return reply(rest::task_managers(cluster_of(state), all_jobs(state), now));
    case rest::route::task_manager: {
      auto found = rest::task_manager(cluster_of(state), all_jobs(state), exchange->to.name, now);
      return found ? reply(std::move(*found))
                   : exchange->answer(http::error_response(404, "no TaskManager " + exchange->to.name));
    }
    case rest::route::modules: return reply(rest::modules(state.config.address, module_entries(*state.config.modules)));
    case rest::route::upload_module:
      self->spawn<caf::detached>([exchange, shelf = state.config.modules, now] { take_upload(exchange, shelf, now); });
      return;
    case rest::route::run_module: return run_module(self, exchange);
    case rest::route::delete_module: return delete_module(self, exchange);
    case rest::route::cancel_job: return cancel_job(self, exchange);
    case rest::route::tree: return show_trees(self, exchange);
    default: return answer_job(self, exchange);
  }
}

}  // namespace

rest_gateway_actor::behavior_type rest_gateway(self_ptr self, rest_gateway_config config,
                                               rest_gateway_siblings siblings) {
  keep_exception_text(self);
  self->state.config = std::move(config);
  self->state.siblings = std::move(siblings);
  return {
    [self](const job_snapshot_ptr& snapshot) {
      auto& job = self->state.jobs[snapshot->job_id()];
      job.snapshot = snapshot;
      answer_waiting(self, snapshot->job_id());
    },
    [self](const stored_job_ptr& stored) {
      self->state.jobs[stored->spec().job_id()].stored = stored;
      answer_waiting(self, stored->spec().job_id());
    },
    [self](atom::forget, const std::string& job) { self->state.jobs.erase(job); },
    [self](const cluster_snapshot_ptr& cluster) { self->state.cluster = cluster; },
    [self](const http_exchange_ptr& exchange) { answer_exchange(self, exchange); },
    [self](atom::tick) { expire_waiting(self); },
  };
}

http::handler rest_handler(child_ref_ptr gateway, std::shared_ptr<module_shelf> modules, std::function<bool()> ready,
                           std::function<bool(std::string_view)> knows_host) {
  return [gateway, modules, ready, knows_host](http::request asked, http::responder answer) {
    if (const auto host = asked.header("Host"); !host.empty() && !knows_host(host)) {
      answer(http::error_response(403, "this cluster is not known as " + std::string(host)));
      return;
    }
    auto routed = rest::route_request(asked);
    if (auto* refused = std::get_if<http::response>(&routed)) {
      answer(std::move(*refused));
      return;
    }
    auto& to = std::get<rest::routed>(routed);
    if (to.needs == rest::access::submit && rest::is_cross_site(asked)) {
      answer(http::error_response(403, "requests that change something are not taken from other sites' pages"));
      return;
    }
    switch (to.to) {
      case rest::route::livez:
        answer(http::json_response(rest::empty_document()));
        return;
      case rest::route::readyz:
        answer(ready() ? http::json_response(rest::empty_document())
                       : http::error_response(503, "the dispatcher is not ready yet", 1));
        return;
      case rest::route::blob:
        if (const auto blob = modules->find(to.name)) {
          http::response file;
          file.content_type = "application/octet-stream";
          file.file = blob->path.string();
          answer(std::move(file));
        } else {
          answer(http::error_response(404, "no blob " + to.name));
        }
        return;
      default:
        break;
    }
    const auto target = gateway->as<rest_gateway_actor>();
    if (!target) {
      answer(http::error_response(503, "the REST gateway is being restarted", 1));
      return;
    }
    caf::anon_send(target, std::make_shared<http_exchange>(http_exchange{std::move(asked), std::move(to), std::move(answer)}));
  };
}

}  // namespace flott
