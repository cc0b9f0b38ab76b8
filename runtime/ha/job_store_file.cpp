#include "runtime/base/env.hpp"
#include "runtime/ha/job_store.hpp"
#include "runtime/ha/record_file.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace flott {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view job_magic = "FLOTTJOB";
constexpr std::string_view blob_magic = "FLOTTBLB";
constexpr std::string_view job_suffix = ".job";
constexpr std::string_view info_suffix = ".info";
constexpr std::string_view corrupt_suffix = ".corrupt";

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string hex_sha256(std::string_view content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(content.data(), content.size(), digest, &size, EVP_sha256(), nullptr) != 1)
    return {};
  static constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += digits[digest[i] >> 4];
    hex += digits[digest[i] & 15];
  }
  return hex;
}

class file_job_store final : public job_store {
 public:
  file_job_store(env& environment, fs::path folder) : env_(environment), folder_(std::move(folder)) {}

  result<void> open() {
    FLOTT_TRY(env_.make_directories(upload_folder()));
    FLOTT_ASSIGN(const auto leftovers, env_.list(upload_folder()));
    for (const auto& name : leftovers)
      FLOTT_TRY(env_.remove(upload_folder() / name));
    for (const auto& folder : {folder_, blob_folder(), upload_folder()}) {
      FLOTT_ASSIGN(const auto unfinished, env_.unfinished(folder));
      for (const auto& name : unfinished)
        FLOTT_TRY(env_.remove(folder / name));
    }
    FLOTT_ASSIGN(const auto names, env_.list(blob_folder()));
    for (const auto& name : names)
      if (is_hex(name, 64))
        FLOTT_TRY(read_info(name));
    return {};
  }

  result<void> put(const msg::StoredJob& job) override {
    if (!is_hex(job.spec().job_id(), 32))
      return internal_failure("job store", "'" + job.spec().job_id() + "' is no job id");
    return env_.write_file(job_path(job.spec().job_id()), seal_record(job_magic, job.SerializeAsString()));
  }

  result<void> remove(const std::string& job_id) override {
    if (!is_hex(job_id, 32))
      return internal_failure("job store", "'" + job_id + "' is no job id");
    return env_.remove(job_path(job_id));
  }

  result<contents> load() override {
    contents all;
    FLOTT_ASSIGN(const auto names, env_.list(folder_));
    for (const auto& name : names) {
      if (!name.ends_with(job_suffix))
        continue;
      const auto path = folder_ / name;
      auto job = read_job(path, name.substr(0, name.size() - job_suffix.size()));
      if (job.ok()) {
        all.jobs.push_back(std::move(*job));
        continue;
      }
      all.damaged.push_back(job.error());
      if (auto moved = env_.rename(path, path.string() + std::string(corrupt_suffix)); !moved.ok())
        all.damaged.push_back(moved.error());
    }
    std::stable_sort(all.jobs.begin(), all.jobs.end(), [](const auto& a, const auto& b) {
      return a.spec().submitted_unix_ms() < b.spec().submitted_unix_ms();
    });
    return all;
  }

  result<blob_info> add_blob(const fs::path& temporary, const std::string& original_name,
                             const std::string& expected_sha256, std::int64_t unix_ms) override {
    blob_info info;
    {
      FLOTT_ASSIGN(const auto content, env_.read_file(temporary));
      info.sha256 = hex_sha256(content);
      info.bytes = content.size();
      if (!expected_sha256.empty() && info.sha256 != expected_sha256) {
        FLOTT_TRY(env_.remove(temporary));
        return user_failure(original_name, "its SHA-256 is " + info.sha256 + ", not " + expected_sha256);
      }
      if (auto known = blob(info.sha256)) {
        FLOTT_TRY(env_.remove(temporary));
        return *known;
      }
      info.path = blob_folder() / info.sha256;
      // Written anew rather than renamed: whoever received the upload need not have made it durable.
      FLOTT_TRY(env_.write_file(info.path, content));
    }
    FLOTT_TRY(env_.remove(temporary));
    info.original_name = fs::path(original_name).filename().string();
    info.uploaded_unix_ms = unix_ms;
    msg::KeyValue record;
    record.set_key(info.original_name);
    record.set_value(std::to_string(unix_ms));
    FLOTT_TRY(env_.write_file(info.path.string() + std::string(info_suffix),
                              seal_record(blob_magic, record.SerializeAsString())));
    const std::lock_guard lock(mutex_);
    blobs_[info.sha256] = info;
    return info;
  }

  std::optional<blob_info> blob(const std::string& sha256) const override {
    const std::lock_guard lock(mutex_);
    const auto known = blobs_.find(sha256);
    return known == blobs_.end() ? std::nullopt : std::optional(known->second);
  }

  std::vector<blob_info> blobs() const override {
    std::vector<blob_info> all;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [sha256, info] : blobs_)
        all.push_back(info);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.uploaded_unix_ms < b.uploaded_unix_ms; });
    return all;
  }

  result<void> remove_blob(const std::string& sha256) override {
    if (!blob(sha256))
      return {};
    {
      const std::lock_guard lock(mutex_);
      blobs_.erase(sha256);
    }
    const auto path = blob_folder() / sha256;
    FLOTT_TRY(env_.remove(path));
    return env_.remove(path.string() + std::string(info_suffix));
  }

  fs::path upload_folder() const override { return blob_folder() / "incoming"; }

 private:
  fs::path blob_folder() const { return folder_ / "blobs"; }
  fs::path job_path(const std::string& job_id) const { return folder_ / (job_id + std::string(job_suffix)); }

  result<msg::StoredJob> read_job(const fs::path& path, const std::string& job_id) {
    FLOTT_ASSIGN(const auto file, env_.read_file(path));
    FLOTT_ASSIGN(const auto content, open_record(job_magic, file, path.string()));
    msg::StoredJob job;
    if (!job.ParseFromArray(content.data(), static_cast<int>(content.size())))
      return internal_failure(path.string(), "its content is no stored job");
    if (job.spec().job_id() != job_id)
      return internal_failure(path.string(), "it holds job '" + job.spec().job_id() + "'");
    return job;
  }

  // A blob whose name record is missing or damaged (a crash between the two writes) goes by its hash.
  result<void> read_info(const std::string& sha256) {
    blob_info info;
    info.sha256 = sha256;
    info.original_name = sha256 + ".so";
    info.path = blob_folder() / sha256;
    FLOTT_ASSIGN(const auto content, env_.read_file(info.path));
    info.bytes = content.size();
    if (hex_sha256(content) != sha256)
      return env_.rename(info.path, info.path.string() + std::string(corrupt_suffix));
    const auto path = info.path.string() + std::string(info_suffix);
    if (auto file = env_.read_file(path); file.ok())
      if (const auto sealed = open_record(blob_magic, *file, path); sealed.ok())
        if (msg::KeyValue record; record.ParseFromArray(sealed->data(), static_cast<int>(sealed->size()))) {
          info.original_name = record.key();
          info.uploaded_unix_ms = std::strtoll(record.value().c_str(), nullptr, 10);
        }
    blobs_[sha256] = std::move(info);
    return {};
  }

  env& env_;
  fs::path folder_;
  mutable std::mutex mutex_;                 // of blobs_
  std::map<std::string, blob_info> blobs_;   // by hash
};

}  // namespace

result<std::unique_ptr<job_store>> open_file_job_store(env& environment, const std::filesystem::path& folder) {
  auto store = std::make_unique<file_job_store>(environment, folder);
  FLOTT_TRY(store->open());
  return std::unique_ptr<job_store>(std::move(store));
}

result<std::string> sha256_of_file(env& environment, const std::filesystem::path& path) {
  FLOTT_ASSIGN(const auto content, environment.read_file(path));
  return hex_sha256(content);
}

std::string sha256_of(std::string_view content) {
  return hex_sha256(content);
}

}  // namespace flott
