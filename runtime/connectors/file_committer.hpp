#pragma once

#include "messages/job.pb.h"
#include "runtime/base/ids.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace flott {

inline constexpr std::string_view file_committable_kind = "file";

/// A file that a sink has written aside: `temporary` shall become `final_path`. Both are absolute and lie on one file
/// system; `temporary` lies in the job's folder aside, `aside_folder(directory, job)`.
struct file_committable {
  job_id job;
  std::string directory;      ///< the output folder
  std::string temporary;
  std::string final_path;

  bool operator==(const file_committable&) const = default;
};

[[nodiscard]] msg::Committable to_committable(const file_committable& file, std::string_view operator_name);
/// Error (internal): another kind, or a payload that is none of ours.
[[nodiscard]] result<file_committable> from_committable(const msg::Committable& committable);

/// `<directory>/.flott-<job id>`: everything a job writes before it is published; gone once it is.
[[nodiscard]] std::string aside_folder(const std::string& directory, const job_id& job);

/// Makes both folders, where they are missing, and returns the second.
[[nodiscard]] result<std::string> make_aside_folder(const std::string& directory, const job_id& job);

/// Removes the folder aside if it is empty, and then the output folder if the job had made it and it is empty.
void leave_aside_folder(const std::string& directory, const job_id& job);

/// Whether a job may write to `directory` (absolute): it is missing or empty, or holds only what this job has published
/// before or is writing aside. Error: user, permanent, names the folder and what is in the way.
[[nodiscard]] result<void> check_output_directory(const std::string& directory, const job_id& job);

/// Marks a file or folder as the job's, in an extended attribute, so that `check_output_directory` knows it again. Does
/// nothing where the file system has none.
void mark_published(const std::string& path, const job_id& job);

/// Puts what the sinks of a finished job wrote aside in its place: the JobManager's side of the commit. Runs no user
/// code, needs nothing but the file system.
class file_committer {
 public:
  /// Moves every file to its place, durably, and removes the folders aside. May be repeated after a crash at any point:
  /// what is in its place already stays there. Committables of other kinds are skipped.
  /// Errors name the file.
  [[nodiscard]] static result<void> publish(std::span<const msg::Committable> committables);
  /// Removes the files that `committables` name, and the folders aside if nothing else is in them. What is gone already is
  /// fine.
  [[nodiscard]] static result<void> abort(std::span<const msg::Committable> committables);
  /// Removes what a job that did not finish left in `directory` under this epoch and earlier ones: its folder aside, and
  /// the output folder itself if nothing else is in it and the job had made it. What a later epoch writes stays.
  [[nodiscard]] static result<void> abort(const std::string& directory, const job_id& job, std::uint64_t epoch);
};

}  // namespace flott
