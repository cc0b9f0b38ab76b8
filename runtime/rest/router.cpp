#include "runtime/rest/router.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace flott::rest {
namespace {

using http::method;

struct row {
  method verb;
  std::string_view pattern;
  route to;
  access needs = access::view;
};

// The first pattern that fits a path decides: literal segments stand in front of parameters.
constexpr row table[] = {
    {method::get, "/config", route::config},
    {method::get, "/overview", route::overview},
    {method::get, "/jobs", route::jobs},
    {method::post, "/jobs", route::submit_java_plan, access::submit},
    {method::get, "/jobs/overview", route::jobs_overview},
    {method::get, "/jobs/:jobid", route::job},
    {method::patch, "/jobs/:jobid", route::cancel_job, access::submit},
    {method::get, "/jobs/:jobid/yarn-cancel", route::cancel_job, access::submit},
    {method::get, "/jobs/:jobid/plan", route::job_plan},
    {method::get, "/jobs/:jobid/exceptions", route::job_exceptions},
    {method::get, "/jobs/:jobid/config", route::job_config},
    {method::get, "/jobs/:jobid/status", route::job_status},
    {method::get, "/jobs/:jobid/execution-result", route::job_execution_result},
    {method::get, "/jobs/:jobid/accumulators", route::job_accumulators},
    {method::get, "/jobs/:jobid/checkpoints", route::job_checkpoints},
    {method::get, "/jobs/:jobid/jobmanager/config", route::job_manager_config},
    {method::get, "/jobs/:jobid/vertices/:vertexid", route::vertex},
    {method::get, "/jobs/:jobid/vertices/:vertexid/taskmanagers", route::vertex_task_managers},
    {method::get, "/jobs/:jobid/vertices/:vertexid/subtasktimes", route::vertex_subtask_times},
    {method::get, "/jobs/:jobid/vertices/:vertexid/accumulators", route::vertex_accumulators},
    {method::get, "/jobmanager/config", route::cluster_config},
    {method::get, "/jobmanager/environment", route::cluster_environment},
    {method::get, "/taskmanagers", route::task_managers},
    {method::get, "/taskmanagers/:name", route::task_manager},
    {method::get, "/jars", route::modules},
    {method::post, "/jars/upload", route::upload_module, access::submit},
    {method::post, "/jars/:name/run", route::run_module, access::submit},
    {method::delete_, "/jars/:name", route::delete_module, access::submit},
    {method::get, "/livez", route::livez},
    {method::get, "/readyz", route::readyz},
    {method::get, "/flott/v1/tree", route::tree},
    {method::get, "/flott/v1/blobs/:sha256", route::blob},
    {method::get, "/flott/v1/jobs/:jobid/results", route::job_results},
};

/// Cuts the first segment off "/a/b"; nothing at the end.
std::optional<std::string_view> next_segment(std::string_view& rest) {
  if (rest.empty() || rest == "/")
    return std::nullopt;
  rest.remove_prefix(1);
  const auto segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(segment.size());
  return segment;
}

bool fits(std::string_view pattern, std::string_view path) {
  for (;;) {
    const auto wanted = next_segment(pattern), given = next_segment(path);
    if (!wanted || !given)
      return !wanted && !given;
    const bool is_parameter = wanted->front() == ':';
    if (is_parameter ? given->empty() : *wanted != *given)
      return false;
  }
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

http::response malformed_id(std::string_view what, std::string_view given, std::string_view form) {
  return http::error_response(400, "malformed " + std::string(what) + " '" + std::string(given.substr(0, 100)) + "': expected " +
                                       std::string(form));
}

/// Takes the parameters of a path that fits; an answer if one is malformed.
std::optional<http::response> take_parameters(std::string_view pattern, std::string_view path, routed& into) {
  while (const auto wanted = next_segment(pattern)) {
    const std::string_view given = next_segment(path).value_or("");
    if (*wanted == ":jobid") {
      const auto id = job_id::parse(given);
      if (!id)
        return malformed_id("job id", given, "32 hex digits");
      into.job = *id;
    } else if (*wanted == ":vertexid") {
      const auto id = vertex_id::parse(given);
      if (!id)
        return malformed_id("vertex id", given, "32 hex digits");
      into.vertex = *id;
    } else if (*wanted == ":sha256" && !is_sha256(given)) {
      return malformed_id("hash", given, "64 lower-case hex digits");
    } else if (wanted->front() == ':') {
      into.name = given;
    }
  }
  return std::nullopt;
}

std::optional<http::response> check_cancellation_mode(const http::request& asked) {
  const auto mode = asked.parameter("mode", "cancel");
  if (mode == "cancel")
    return std::nullopt;
  if (mode == "stop")     // as Flink answers: stopping has a route of its own
    return http::error_response(308, "mode=stop is gone; a job is stopped with a savepoint by POST /jobs/:jobid/stop");
  return http::error_response(400, "mode '" + std::string(mode.substr(0, 100)) + "': expected cancel");
}

std::string_view without_prefix(std::string_view path) {
  if (path == "/v1" || path.rfind("/v1/", 0) == 0)
    path.remove_prefix(3);
  return path;
}

std::string allowed_methods(std::string_view pattern) {
  std::string allowed;
  for (const auto& candidate : table)
    if (candidate.pattern == pattern) {
      allowed += std::string(to_string(candidate.verb)) + ", ";
      if (candidate.verb == method::get)
        allowed += "HEAD, ";
    }
  return allowed + "OPTIONS";
}

}  // namespace

std::variant<routed, http::response> route_request(const http::request& asked) {
  const std::string_view path = without_prefix(asked.path);
  const auto known = std::find_if(std::begin(table), std::end(table), [&](const row& r) { return fits(r.pattern, path); });
  if (asked.path == "*" && asked.verb == method::options) {
    http::response reply;
    reply.status = 204;
    return reply;
  }
  if (known == std::end(table))
    return http::error_response(404, "there is nothing at " + asked.path.substr(0, 200));
  const method wanted = asked.verb == method::head ? method::get : asked.verb;
  const auto found = std::find_if(std::begin(table), std::end(table), [&](const row& r) {
    return r.verb == wanted && r.pattern == known->pattern;
  });
  if (found == std::end(table)) {
    const std::string allowed = allowed_methods(known->pattern);
    http::response reply = http::error_response(405, asked.path.substr(0, 200) + " takes " + allowed + " only");
    if (asked.verb == method::options)
      reply = http::response{204, "", {}, "", ""};
    reply.headers.emplace_back("Allow", allowed);
    return reply;
  }
  routed to;
  to.to = found->to;
  to.needs = found->needs;
  if (auto refused = take_parameters(found->pattern, path, to))
    return std::move(*refused);
  if (found->verb == method::patch && found->to == route::cancel_job)
    if (auto refused = check_cancellation_mode(asked))
      return std::move(*refused);
  return to;
}

bool takes_upload(method verb, const std::string& path) {
  const auto rest = without_prefix(path);
  return verb == method::post && (fits("/jars/upload", rest) || fits("/jobs", rest));
}

bool names_loopback(std::string_view host) {
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    return host.substr(0, end == host.npos ? end : end + 1) == "[::1]";
  }
  host = host.substr(0, host.find(':'));
  if (host == "localhost" || host.ends_with(".localhost"))
    return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos;
}

bool is_cross_site(const http::request& asked) {
  const auto site = asked.header("Sec-Fetch-Site");
  if (!site.empty())
    return site != "same-origin" && site != "none";
  const auto origin = asked.header("Origin");
  if (origin.empty())
    return false;                          // not sent by a browser's page
  const auto scheme = origin.find("://");
  return scheme == origin.npos || origin.substr(scheme + 3) != asked.header("Host");
}

}  // namespace flott::rest
