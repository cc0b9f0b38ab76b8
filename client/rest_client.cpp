#include "client/rest_client.hpp"

#include "client/json_slices.hpp"

#include "runtime/rest/documents.hpp"
#include "runtime/rest/run_request.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <openssl/evp.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace flott {
namespace {

namespace json = boost::json;

// --- reading documents; what is missing or of another type reads as nothing, zero or empty -----------------------

const json::value* member(const json::value& from, std::string_view name) {
  const auto* object = from.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

std::string text(const json::value& from, std::string_view name) {
  const auto* value = member(from, name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

template <class Number = std::int64_t>
Number number(const json::value& from, std::string_view name, Number otherwise = 0) {
  const auto* value = member(from, name);
  if (value == nullptr || !value->is_number())
    return otherwise;
  boost::system::error_code ignored;
  const auto read = value->to_number<Number>(ignored);
  return ignored ? otherwise : read;
}

bool flag(const json::value& from, std::string_view name) {
  const auto* value = member(from, name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::array& array(const json::value& from, std::string_view name) {
  static const json::array none;
  const auto* value = member(from, name);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}

template <class Number>
std::map<std::string, Number> numbers(const json::value& from, std::string_view name) {
  std::map<std::string, Number> read;
  if (const auto* value = member(from, name); value != nullptr && value->is_object())
    for (const auto& each : value->get_object())
      read[std::string(each.key())] = number<Number>(*value, each.key());
  return read;
}

std::optional<failure> failure_in(const json::value& from) {
  const auto* why = member(from, "failure");
  if (why == nullptr)
    return std::nullopt;
  const std::string cls = text(*why, "class"), domain = text(*why, "domain");
  failure read;
  read.cls = cls == "transient" ? failure_class::transient : cls == "resources" ? failure_class::resources : failure_class::permanent;
  read.domain = domain == "user" ? failure_domain::user : domain == "external" ? failure_domain::external : failure_domain::internal;
  read.where = text(*why, "where");
  read.message = text(*why, "message");
  read.cause = text(*why, "cause");
  return read;
}

job_summary summary_of(const json::value& row) {
  job_summary job;
  job.id = text(row, "jid");
  job.name = text(row, "name");
  job.state = text(row, "state");
  job.start_unix_ms = number(row, "start-time");
  job.end_unix_ms = number(row, "end-time", std::int64_t(-1));
  job.duration_ms = number(row, "duration");
  job.tasks = numbers<int>(row, "tasks");
  return job;
}

vertex_summary vertex_of(const json::value& row) {
  vertex_summary vertex;
  vertex.id = text(row, "id");
  vertex.name = text(row, "name");
  vertex.status = text(row, "status");
  vertex.parallelism = number<int>(row, "parallelism");
  if (const auto* metrics = member(row, "metrics")) {
    vertex.records_in = number<std::uint64_t>(*metrics, "read-records");
    vertex.records_out = number<std::uint64_t>(*metrics, "write-records");
    vertex.bytes_in = number<std::uint64_t>(*metrics, "read-bytes");
    vertex.bytes_out = number<std::uint64_t>(*metrics, "write-bytes");
  }
  vertex.tasks = numbers<int>(row, "tasks");
  return vertex;
}

// --- answers ---------------------------------------------------------------------------------------------------

/// The failure that stands in an error answer, in the cluster's own words.
failure refusal(const std::string& peer, const http::response& reply) {
  failure why;
  const bool try_again = reply.status == 429 || reply.status == 502 || reply.status == 503 || reply.status == 504;
  why.cls = try_again ? failure_class::transient : failure_class::permanent;
  why.domain = reply.status < 500 ? failure_domain::user : try_again ? failure_domain::external : failure_domain::internal;
  why.where = peer;
  boost::system::error_code bad;
  const auto document = json::parse(reply.body, bad);
  if (!bad)
    for (const auto& error : array(document, "errors"))
      if (error.is_string())
        why.message += (why.message.empty() ? "" : "; ") + std::string(error.get_string());
  if (why.message.empty())
    why.message = "HTTP " + std::to_string(reply.status) + " " + std::string(http::reason_phrase(reply.status));
  return why;
}

std::string name_of(const http::client& client) {
  return client.config().host + ":" + std::to_string(client.config().port);
}

/// Makes a T of the JSON document in a successful answer, by `read(document)`; a failure of every other answer.
template <class T, class Read>
answer<T> read_answer(const http::client& client, result<http::response> reply, Read read) {
  if (!reply.ok())
    return {0, std::move(reply).error()};
  if (reply->status < 200 || reply->status >= 300)
    return {reply->status, refusal(name_of(client), *reply)};
  boost::system::error_code bad;
  const auto document = json::parse(reply->body, bad);
  if (bad || !document.is_object())
    return {reply->status, internal_failure(name_of(client), "the answer is not a JSON object", bad.message())};
  return {reply->status, read(document)};
}

answer<void> read_success(const http::client& client, result<http::response> reply) {
  if (!reply.ok())
    return {0, std::move(reply).error()};
  if (reply->status < 200 || reply->status >= 300)
    return {reply->status, refusal(name_of(client), *reply)};
  return {reply->status, result<void>()};
}

result<std::string> sha256_of_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file)
    return system_failure(path, "the module can't be read", errno);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  std::string buffer(64 << 10, '\0');
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get()))
    EVP_DigestUpdate(digest.get(), buffer.data(), got);
  if (std::ferror(file.get()) != 0)
    return system_failure(path, "the module can't be read", errno);
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(digest.get(), bytes, &size);
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += digits[bytes[i] >> 4];
    hex += digits[bytes[i] & 15];
  }
  return hex;
}

}  // namespace

answer<void> rest_client::ready() { return read_success(http_, http_.get("/readyz")); }

answer<cluster_overview> rest_client::overview() {
  return read_answer<cluster_overview>(http_, http_.get("/v1/overview"), [](const json::value& from) {
    cluster_overview read;
    read.version = text(from, "flink-version");
    read.task_managers = number<int>(from, "taskmanagers");
    read.slots_total = number<int>(from, "slots-total");
    read.slots_available = number<int>(from, "slots-available");
    read.jobs_running = number<int>(from, "jobs-running");
    read.jobs_finished = number<int>(from, "jobs-finished");
    read.jobs_cancelled = number<int>(from, "jobs-cancelled");
    read.jobs_failed = number<int>(from, "jobs-failed");
    return read;
  });
}

answer<std::vector<job_summary>> rest_client::jobs() {
  return read_answer<std::vector<job_summary>>(http_, http_.get("/v1/jobs/overview"), [](const json::value& from) {
    std::vector<job_summary> read;
    for (const auto& row : array(from, "jobs"))
      read.push_back(summary_of(row));
    return read;
  });
}

answer<job_info> rest_client::job(const job_id& id) {
  return read_answer<job_info>(http_, http_.get("/v1/jobs/" + id.hex()), [](const json::value& from) {
    job_info read;
    read.job = summary_of(from);
    read.type = text(from, "job-type");
    read.timestamps = numbers<std::int64_t>(from, "timestamps");
    for (const auto& row : array(from, "vertices")) {
      read.vertices.push_back(vertex_of(row));
      for (const auto& [state, count] : read.vertices.back().tasks) {
        std::string lower = state;
        for (char& c : lower)
          c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        read.job.tasks[lower] += count;
        read.job.tasks["total"] += count;
      }
    }
    return read;
  });
}

answer<std::string> rest_client::status(const job_id& id) {
  return read_answer<std::string>(http_, http_.get("/v1/jobs/" + id.hex() + "/status"),
                                  [](const json::value& from) { return text(from, "status"); });
}

answer<std::vector<job_exception>> rest_client::exceptions(const job_id& id) {
  return read_answer<std::vector<job_exception>>(
      http_, http_.get("/v1/jobs/" + id.hex() + "/exceptions"), [](const json::value& from) {
        std::vector<job_exception> read;
        if (const auto* history = member(from, "exceptionHistory"))
          for (const auto& row : array(*history, "entries"))
            read.push_back({number(row, "timestamp"), text(row, "exceptionName"), text(row, "stacktrace"),
                            text(row, "taskName"), text(row, "endpoint"), text(row, "taskManagerId")});
        return read;
      });
}

answer<std::vector<task_manager_info>> rest_client::task_managers() {
  return read_answer<std::vector<task_manager_info>>(http_, http_.get("/v1/taskmanagers"), [](const json::value& from) {
    std::vector<task_manager_info> read;
    for (const auto& row : array(from, "taskmanagers"))
      read.push_back({text(row, "id"), text(row, "path"), number<int>(row, "slotsNumber"), number<int>(row, "freeSlots"),
                      number<int>(row, "dataPort"), number(row, "timeSinceLastHeartbeat")});
    return read;
  });
}

answer<std::string> rest_client::upload_module(const std::string& file) {
  auto hash = sha256_of_file(file);
  if (!hash.ok())
    return {0, std::move(hash).error()};
  auto name = rest::module_file_name(std::filesystem::path(file).filename().string());
  if (!name.ok())
    return {0, std::move(name).error()};
  const auto known = http_.head("/flott/v1/blobs/" + *hash);
  if (!known.ok())
    return {0, known.error()};
  if (known->status == 200)
    return {200, rest::module_id(*hash, *name)};
  http::upload what;
  what.file = file;
  what.file_name = *name;
  auto uploaded = read_answer<std::string>(http_, http_.post_file("/v1/jars/upload", what), [](const json::value& from) {
    const std::string path = text(from, "filename");
    return path.substr(path.rfind('/') + 1);
  });
  if (uploaded.ok() && rest::sha256_of_module_id(*uploaded) != *hash)
    return {uploaded.status(), transient_failure(file, "the module changed while it was uploaded")};
  return uploaded;
}

answer<job_id> rest_client::run(std::string_view module_id, const run_options& options) {
  rest::run_request request;
  request.function = options.function;
  request.parameters = options.parameters;
  request.configuration = options.configuration;
  request.parallelism = options.parallelism;
  request.job = options.job;
  request.name = options.name;
  const std::string peer = name_of(http_);
  return read_answer<job_id>(http_, http_.post("/v1/jars/" + http::percent_encoded(module_id) + "/run", rest::to_json(request)),
                             [&](const json::value& from) -> result<job_id> {
                               const auto id = job_id::parse(text(from, "jobid"));
                               if (!id)
                                 return internal_failure(peer, "the answer to a submission has no job id");
                               return *id;
                             });
}

answer<void> rest_client::cancel(const job_id& id) {
  return read_success(http_, http_.patch("/v1/jobs/" + id.hex() + "?mode=cancel", "{}"));
}

answer<job_outcome> rest_client::results(const job_id& id, std::chrono::milliseconds wait) {
  std::string target = "/flott/v1/jobs/" + id.hex() + "/results";
  if (wait.count() > 0)
    target += "?wait-ms=" + std::to_string(wait.count());
  auto reply = http_.get(target);
  std::vector<std::string> rows;
  if (reply.ok())
    for (const auto row : json_slices::elements(reply->body, "rows"))
      rows.emplace_back(row);
  return read_answer<job_outcome>(http_, std::move(reply), [&rows](const json::value& from) {
    job_outcome read;
    read.id = text(from, "jobid");
    read.name = text(from, "name");
    read.state = text(from, "state");
    read.duration_ms = number(from, "duration");
    read.truncated = flag(from, "truncated");
    read.error = failure_in(from);
    read.rows = std::move(rows);
    if (const auto& sinks = array(from, "sinks"); sinks.size() == 1)
      for (const auto& column : array(sinks.front(), "columns"))
        if (column.is_string())
          read.columns.emplace_back(column.get_string());
    return read;
  });
}

answer<std::string> rest_client::tree() {
  auto reply = http_.get("/flott/v1/tree");
  if (!reply.ok())
    return {0, std::move(reply).error()};
  if (reply->status != 200)
    return {reply->status, refusal(name_of(http_), *reply)};
  return {200, std::move(reply->body)};
}

answer<void> rest_client::set_log_level(std::string_view path, std::optional<std::string> level) {
  const json::object wish{{"path", path}, {"level", level ? json::value(*level) : json::value(nullptr)}};
  return read_success(http_, http_.send("PUT", "/flott/v1/log_level", json::serialize(wish)));
}

}  // namespace flott
