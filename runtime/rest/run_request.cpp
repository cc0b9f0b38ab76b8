#include "runtime/rest/run_request.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>

namespace flott::rest {
namespace {

namespace json = boost::json;
constexpr std::string_view where = "run request";
constexpr std::int64_t max_parallelism = 32768;      // Flink's bound, and that of key groups
constexpr std::string_view job_name_key = "pipeline.name";

failure wrong(std::string_view field, std::string_view what) {
  return user_failure(std::string(where), "field '" + std::string(field) + "' " + std::string(what));
}

/// What of a value Flink would take for a string: strings, numbers and booleans.
std::optional<std::string> scalar_text(const json::value& value) {
  if (value.is_string())
    return std::string(value.get_string());
  if (value.is_number() || value.is_bool())
    return json::serialize(value);
  return std::nullopt;
}

result<std::string> take_string(std::string_view field, const json::value& value) {
  if (!value.is_string())
    return wrong(field, "is not a string");
  return std::string(value.get_string());
}

result<std::uint32_t> parse_parallelism(std::string_view field, std::string_view digits) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 1 || number > max_parallelism)
    return wrong(field, "is not a whole number from 1 to " + std::to_string(max_parallelism));
  return static_cast<std::uint32_t>(number);
}

result<std::optional<job_id>> parse_job_id(std::string_view field, std::string_view digits) {
  const auto id = job_id::parse(digits);
  if (!id)
    return wrong(field, "is not 32 hex digits");
  return std::optional(*id);
}

result<std::vector<std::string>> take_strings(std::string_view field, const json::value& value) {
  if (!value.is_array())
    return wrong(field, "is not an array of strings");
  std::vector<std::string> strings;
  for (const auto& element : value.get_array()) {
    auto one = scalar_text(element);
    if (!one)
      return wrong(field, "is not an array of strings");
    strings.push_back(std::move(*one));
  }
  return strings;
}

result<void> check_boolean(std::string_view field, const json::value& value) {
  const auto said = scalar_text(value);
  if (said != "true" && said != "false")
    return wrong(field, "is neither true nor false");
  return {};
}

result<void> check_claim_mode(std::string_view field, const json::value& value) {
  FLOTT_ASSIGN(const std::string mode, take_string(field, value));
  if (mode != "CLAIM" && mode != "NO_CLAIM" && mode != "LEGACY")
    return wrong(field, "is none of CLAIM, NO_CLAIM, LEGACY");
  return {};
}

result<void> refuse_savepoint(std::string_view field, std::string_view path) {
  if (!path.empty())
    return wrong(field, "names a savepoint, and this cluster has none to start from");
  return {};
}

result<void> take_configuration(std::string_view field, const json::value& value, run_request& into) {
  if (!value.is_object())
    return wrong(field, "is not an object of strings");
  for (const auto& member : value.get_object()) {
    auto said = scalar_text(member.value());
    const std::string key(member.key());
    if (!said)
      return wrong(std::string(field) + "." + key, "is not a string");
    if (key == job_name_key)
      into.name = std::move(*said);
    else
      into.configuration.emplace_back(key, std::move(*said));
  }
  return {};
}

/// Fields as they were found, before they are put together.
struct found_fields {
  std::optional<std::vector<std::string>> arguments;
};

result<void> take_field(std::string_view field, const json::value& value, run_request& into, found_fields& found) {
  if (value.is_null())
    return {};
  if (field == "entryClass") {
    FLOTT_ASSIGN(into.function, take_string(field, value));
  } else if (field == "programArgsList" || field == "programArgs") {
    if (found.arguments)
      return wrong(field, "can't stand beside another form of the arguments");
    if (field == "programArgsList") {
      FLOTT_ASSIGN(found.arguments, take_strings(field, value));
    } else {
      FLOTT_ASSIGN(const std::string line, take_string(field, value));
      FLOTT_ASSIGN(found.arguments, split_arguments(line));
    }
  } else if (field == "parallelism") {
    FLOTT_ASSIGN(into.parallelism, parse_parallelism(field, scalar_text(value).value_or("")));
  } else if (field == "jobId") {
    FLOTT_ASSIGN(const std::string digits, take_string(field, value));
    FLOTT_ASSIGN(into.job, parse_job_id(field, digits));
  } else if (field == "flinkConfiguration") {
    return take_configuration(field, value, into);
  } else if (field == "savepointPath") {
    FLOTT_ASSIGN(const std::string path, take_string(field, value));
    return refuse_savepoint(field, path);
  } else if (field == "allowNonRestoredState") {
    return check_boolean(field, value);
  } else if (field == "claimMode" || field == "restoreMode") {
    return check_claim_mode(field, value);
  } else {
    return wrong(http::valid_utf8(field.substr(0, 100)),
                 "is unknown; known are entryClass, programArgsList, parallelism, jobId, flinkConfiguration");
  }
  return {};
}

result<void> take_body(std::string_view body, run_request& into, found_fields& found) {
  if (body.find_first_not_of(" \t\r\n") == body.npos)
    return {};
  if (body.size() > max_json_bytes)
    return user_failure(std::string(where), "the body is longer than " + std::to_string(max_json_bytes) + " bytes");
  json::parse_options options;
  options.max_depth = max_json_depth;
  json::parser parser({}, options);
  boost::system::error_code error;
  const std::size_t read = parser.write(body, error);
  if (error)
    return user_failure(std::string(where), "the body is not JSON: " + error.message() + " at byte " + std::to_string(read));
  const json::value document = parser.release();
  if (!document.is_object())
    return user_failure(std::string(where), "the body is not a JSON object");
  for (const auto& member : document.get_object())
    FLOTT_TRY(take_field(member.key(), member.value(), into, found));
  return {};
}

/// What the dashboard says in the query; the body goes first.
result<void> take_query(const http::request& asked, run_request& into, found_fields& found) {
  if (into.function.empty())
    into.function = asked.parameter("entry-class");
  if (const auto digits = asked.parameter("parallelism"); into.parallelism == 0 && !digits.empty()) {
    FLOTT_ASSIGN(into.parallelism, parse_parallelism("parallelism", digits));
  }
  if (const auto digits = asked.parameter("jobid"); !into.job && !digits.empty()) {
    FLOTT_ASSIGN(into.job, parse_job_id("jobid", digits));
  }
  FLOTT_TRY(refuse_savepoint("savepointPath", asked.parameter("savepointPath")));
  if (found.arguments)
    return {};
  if (const auto line = asked.parameter("program-args"); !line.empty()) {
    FLOTT_ASSIGN(found.arguments, split_arguments(line));
  } else if (auto list = asked.parameter("programArg"); !list.empty()) {
    auto& arguments = found.arguments.emplace();
    for (std::size_t comma = 0; comma != list.npos; list.remove_prefix(comma == list.npos ? 0 : comma + 1)) {
      comma = list.find(',');
      arguments.emplace_back(list.substr(0, comma));
    }
  }
  return {};
}

}  // namespace

result<run_request> parse_run_request(const http::request& asked) {
  run_request made;
  found_fields found;
  FLOTT_TRY(take_body(asked.body, made, found));
  FLOTT_TRY(take_query(asked, made, found));
  if (found.arguments) {
    FLOTT_ASSIGN(made.parameters, parse_parameters(*found.arguments));
  }
  return made;
}

result<std::vector<std::pair<std::string, std::string>>> parse_parameters(const std::vector<std::string>& arguments) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string shown = http::valid_utf8(std::string_view(arguments[i]).substr(0, 100));
    if (arguments[i].size() < 3 || arguments[i].rfind("--", 0) != 0)
      return user_failure("job parameters", "'" + shown + "' stands where a name was expected: --name value, in turn");
    if (i + 1 == arguments.size())
      return user_failure("job parameters", "'" + shown + "' has no value");
    parameters.emplace_back(arguments[i].substr(2), arguments[i + 1]);
  }
  return parameters;
}

result<std::vector<std::string>> split_arguments(std::string_view line) {
  std::vector<std::string> arguments;
  std::optional<std::string> current;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) quote = 0;
      else *current += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      if (!current)
        current.emplace();
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (current)
        arguments.push_back(std::move(*current));
      current.reset();
    } else {
      if (!current)
        current.emplace();
      *current += c;
    }
  }
  if (quote != 0)
    return user_failure("program arguments", "a quote is opened and never closed");
  if (current)
    arguments.push_back(std::move(*current));
  return arguments;
}

std::string to_json(const run_request& request) {
  json::object body;
  if (!request.function.empty())
    body["entryClass"] = request.function;
  json::array arguments;
  for (const auto& [name, value] : request.parameters) {
    arguments.emplace_back("--" + name);
    arguments.emplace_back(value);
  }
  body["programArgsList"] = std::move(arguments);
  if (request.parallelism > 0)
    body["parallelism"] = request.parallelism;
  if (request.job)
    body["jobId"] = request.job->hex();
  json::object configuration;
  for (const auto& [key, value] : request.configuration)
    configuration[key] = value;
  if (!request.name.empty())
    configuration[job_name_key] = request.name;
  body["flinkConfiguration"] = std::move(configuration);
  return json::serialize(body);
}

}  // namespace flott::rest
