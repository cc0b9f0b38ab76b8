#include "runtime/rest/documents.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace flott::rest {
namespace {

namespace json = boost::json;
constexpr std::size_t hash_digits = 64, max_name = 100;

bool is_hash(std::string_view text) {
  return text.size() == hash_digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string module_id(std::string_view sha256, std::string_view file_name) {
  return std::string(sha256) + "_" + std::string(file_name);
}

std::optional<std::string> sha256_of_module_id(std::string_view id) {
  const auto hash = id.substr(0, hash_digits);
  if (!is_hash(hash) || (id.size() > hash_digits && id[hash_digits] != '_'))
    return std::nullopt;
  return std::string(hash);
}

result<std::string> module_file_name(std::string_view uploaded_as) {
  const auto last = uploaded_as.substr(uploaded_as.find_last_of("/\\") + 1);     // npos + 1 is 0
  std::string name;
  for (const char c : last.substr(0, 4 * max_name)) {
    const bool harmless = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                          c == '_' || c == '-' || c == '+';
    if (harmless)
      name += c;
  }
  if (name.size() > max_name)
    name.erase(0, name.size() - max_name);        // the end tells what it is
  if (!name.ends_with(".so") && !name.ends_with(".jar"))
    return user_failure(http::valid_utf8(last.substr(0, max_name)), "a module's file name ends in .so or .jar");
  return name;
}

std::string modules(std::string_view address, const std::vector<module_entry>& entries) {
  json::array files;
  for (const auto& entry : entries) {
    json::array functions;
    for (const auto& function : entry.functions)
      functions.push_back(json::object{{"name", json::string(http::valid_utf8(function))}, {"description", ""}});
    files.push_back(json::object{{"id", json::string(module_id(entry.sha256, entry.file_name))},
                                 {"name", json::string(entry.file_name)}, {"uploaded", entry.uploaded_unix_ms},
                                 {"entry", std::move(functions)}});
  }
  return json::serialize(json::object{{"address", json::string(address)}, {"files", std::move(files)}});
}

std::string module_uploaded(std::string_view id) {
  return json::serialize(json::object{{"filename", json::string("/jars/" + std::string(id))}, {"status", "success"}});
}

std::string module_started(std::string_view job_id) {
  return json::serialize(json::object{{"jobid", json::string(job_id)}});
}

std::string empty_document() { return "{}"; }

http::response failed(int status, const failure& why, std::uint32_t retry_after_s) {
  return http::error_response(status, why.to_string(), retry_after_s);
}

http::response no_such_job(std::string_view job_id) {
  return http::error_response(404, "job " + std::string(job_id) + " is not known here");
}

http::response no_checkpoints(std::string_view job_id) {
  return http::error_response(404, "checkpointing is not enabled for job " + std::string(job_id));
}

http::response java_plan_refused() {
  return http::error_response(400, "a plan serialized by Java can't be run by a native cluster; upload a Flott module at "
                                   "/jars/upload and start it with /jars/:jarid/run, or use `flott run`");
}

}  // namespace flott::rest
