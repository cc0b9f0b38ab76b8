#pragma once

#include "runtime/api/stream.hpp"
#include "runtime/connectors/bad_record.hpp"
#include "runtime/connectors/file_source.hpp"
#include "runtime/connectors/generator.hpp"
#include "runtime/connectors/sinks.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace flott {

namespace detail {
template <described T>
stream<T> read_splits(job_builder& job, std::string pattern, text_format format, const char* name) {
  return job.add_source<split_row>("files", true, make_file_lister(std::move(pattern)))
      .parallelism(1)
      .rebalance()
      .add_operator<T>("reader", name, make_file_reader(format));
}
}  // namespace detail

/// The lines of the files that `pattern` names (a path or a glob), read in byte ranges by all subtasks. LF and CRLF end
/// a line, the last one needs none. The job fails at once where nothing matches or a file cannot be read.
inline stream<line> read_lines(job_builder& job, std::string pattern) {
  return detail::read_splits<line>(job, std::move(pattern), text_format::lines, "lines");
}

/// The same for records: runs of lines between blank ones.
inline stream<record> read_records(job_builder& job, std::string pattern) {
  return detail::read_splits<record>(job, std::move(pattern), text_format::records, "records");
}

/// Rows `T f(std::uint64_t number)`, or `T f(std::uint64_t number, text_maker&)`, for the numbers 0, 1, 2, ...
template <described T, class F>
stream<T> generate(job_builder& job, generator_options options, F f) {
  return job.add_source<T>(
      "generate", options.count.has_value(),
      make_generator(options, [f](std::uint64_t first, std::uint64_t step, std::uint32_t count,
                                  const std::shared_ptr<memory_budget>& budget) mutable {
        typed_batch_builder<T> builder(budget, count);
        text_maker maker(builder.texts());
        for (std::uint32_t i = 0; i < count; ++i) {
          if constexpr (std::invocable<F&, std::uint64_t, text_maker&>)
            builder.append(f(first + i * step, maker));
          else
            builder.append(f(first + i * step));
        }
        return builder.finish();
      }));
}
template <class F>
  requires std::invocable<F&, std::uint64_t>
auto generate(job_builder& job, generator_options options, F f) {
  return generate<std::remove_cvref_t<std::invoke_result_t<F&, std::uint64_t>>>(job, options, std::move(f));
}
template <class F>
  requires std::invocable<F&, std::uint64_t, text_maker&>
auto generate(job_builder& job, generator_options options, F f) {
  return generate<std::remove_cvref_t<std::invoke_result_t<F&, std::uint64_t, text_maker&>>>(job, options,
                                                                                             std::move(f));
}

/// Writes rows to the one file `directory`/`name`, with a header. It appears, whole, once the job has finished.
template <described T>
stream_end write_csv(const stream<T>& rows, std::string directory, std::string name) {
  auto made = make_csv_sink(description<T>::shape(), directory, name, true);
  return rows.add_sink(name, std::move(made)).parallelism(1).writes_files_to(output_folder(directory), name);
}

/// Writes rows to the folder `directory`/`name`, a file for each subtask.
template <described T>
stream_end write_csv_parts(const stream<T>& rows, std::string directory, std::string name) {
  auto made = make_csv_sink(description<T>::shape(), directory, name, false);
  return rows.add_sink(name, std::move(made)).writes_files_to(output_folder(directory), name);
}

/// Brings rows to the client, under the sink's name; capped.
template <described T>
stream_end collect(const stream<T>& rows, std::string name) {
  auto made = make_collect_sink(description<T>::shape(), name);
  return rows.add_sink(std::move(name), std::move(made)).parallelism(1);
}

/// To `output`/`name`.csv where there is an output folder, else to the client as `name`: what a job's parameter
/// `output` asks for.
template <described T>
stream_end write_or_collect(const stream<T>& rows, const std::optional<std::string>& output, std::string name) {
  return output ? write_csv(rows, *output, name + ".csv") : collect(rows, std::move(name));
}

/// Writes rows into the log of the process that has them; embedded, to standard output.
template <described T>
stream_end print(const stream<T>& rows) {
  return rows.add_sink("print", make_print_sink());
}

}  // namespace flott
