#pragma once

#include "messages/cluster.pb.h"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flott {

class env;

/// A stored module.
struct blob_info {
  std::string sha256;              ///< 64 lower-case hex digits
  std::string original_name;       ///< as uploaded, without folders: "jobs.so"
  std::int64_t uploaded_unix_ms = 0;
  std::uint64_t bytes = 0;
  std::filesystem::path path;
};

/// What a dispatcher must not forget: its jobs, and the modules they were made from.
///
/// One owner at a time; calls block for as long as the disk takes. What concerns blobs may be called from any thread.
/// A put that has returned survives a crash of the process and of the machine; a crash within it leaves the former
/// content.
class job_store {
 public:
  virtual ~job_store() = default;

  /// Writes or replaces the job. Requires spec.job_id of 32 hex digits.
  virtual result<void> put(const msg::StoredJob& job) = 0;
  /// Absent is success.
  virtual result<void> remove(const std::string& job_id) = 0;

  struct contents {
    std::vector<msg::StoredJob> jobs;      ///< by submission time, then id
    std::vector<failure> damaged;          ///< each names its file, which was set aside as *.corrupt
  };
  /// Everything stored. A damaged file is no error: it is renamed and reported.
  virtual result<contents> load() = 0;

  /// Takes over `temporary`, which is gone afterwards. Refused (permanent, user) when its hash is not
  /// `expected_sha256`, if that is given. The same content again keeps its first name and time.
  virtual result<blob_info> add_blob(const std::filesystem::path& temporary, const std::string& original_name,
                                     const std::string& expected_sha256, std::int64_t unix_ms) = 0;
  [[nodiscard]] virtual std::optional<blob_info> blob(const std::string& sha256) const = 0;
  /// Oldest upload first, then by hash.
  [[nodiscard]] virtual std::vector<blob_info> blobs() const = 0;
  virtual result<void> remove_blob(const std::string& sha256) = 0;
  /// Where uploads are received: on the store's file system.
  [[nodiscard]] virtual std::filesystem::path upload_folder() const = 0;
};

/// A store in `folder` (made if missing), one file a job: see README. Files left over from uploads and writes that a
/// crash cut off are removed.
result<std::unique_ptr<job_store>> open_file_job_store(env& environment, const std::filesystem::path& folder);

/// A store that ends with its process and takes no blobs: for embedded clusters and simulations.
std::unique_ptr<job_store> make_memory_job_store();

/// The hex SHA-256 of a file's content, or of bytes.
result<std::string> sha256_of_file(env& environment, const std::filesystem::path& path);
[[nodiscard]] std::string sha256_of(std::string_view content);

}  // namespace flott
