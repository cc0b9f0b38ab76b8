#pragma once

#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"
#include "runtime/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott::rest {

/// What POST /jars/:jarid/run asks for.
struct run_request {
  std::string function;                                           ///< entryClass; empty: the module's only one
  std::vector<std::pair<std::string, std::string>> parameters;    ///< programArgsList: "--name", "value" in turn
  std::vector<std::pair<std::string, std::string>> configuration; ///< flinkConfiguration
  std::uint32_t parallelism = 0;                                  ///< 0: not said
  std::optional<job_id> job;
  std::string name;                                               ///< configuration's pipeline.name, or empty
};

inline constexpr std::size_t max_json_bytes = 1 << 20;
inline constexpr std::size_t max_json_depth = 32;

/// From the request's JSON body, or, where a field is missing there, from the query parameters that Flink's dashboard
/// sends (entry-class, parallelism, program-args, programArg, jobid). An empty body is as good as `{}`. Numbers and
/// booleans are taken as strings too, as Flink does. Errors (user) name the field: unknown, of the wrong type, out of
/// bounds, or one that asks for what there is not (a savepoint to start from). Pure.
[[nodiscard]] result<run_request> parse_run_request(const http::request& asked);

/// "--name", "value" in turn, as name and value. An error names the argument that breaks the rule.
[[nodiscard]] result<std::vector<std::pair<std::string, std::string>>> parse_parameters(
    const std::vector<std::string>& arguments);

/// Splits a command line as the query parameter program-args has it: blanks separate, single and double quotes hold
/// together.
[[nodiscard]] result<std::vector<std::string>> split_arguments(std::string_view line);

/// The JSON body of a run request, for clients; parse_run_request reads it back.
[[nodiscard]] std::string to_json(const run_request& request);

}  // namespace flott::rest
