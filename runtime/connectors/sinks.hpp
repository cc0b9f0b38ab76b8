#pragma once

#include "runtime/batch/schema.hpp"
#include "runtime/operators/factory.hpp"

#include <cstdint>
#include <string>

namespace flott {

/// The absolute path, without a slash at its end, of the folder that a sink is told to write to; empty if it is no path.
[[nodiscard]] std::string output_folder(const std::string& directory);

/// Writes rows as CSV with a header: the file `directory`/`name` if `one_file` (give it parallelism 1), else a folder of
/// that name with a part for each subtask. Everything is written aside and appears when the job has finished
/// (file_committer). Opening fails if the directory holds anything that this job has not published.
[[nodiscard]] operator_factory make_csv_sink(schema_ptr shape, std::string directory, std::string name, bool one_file);

/// Keeps rows as JSON objects for the client, at most as many and as large as the options sink.collect.max-rows and
/// sink.collect.max-size say. `name` tells the job's results apart.
[[nodiscard]] operator_factory make_collect_sink(schema_ptr shape, std::string name);

/// Writes each row as a JSON object into the log of its process, or to standard output where the option
/// print.to-stdout is true.
[[nodiscard]] operator_factory make_print_sink();

}  // namespace flott
