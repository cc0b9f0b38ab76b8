#include "runtime/ha/job_store.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace flott {
namespace {

/// Forgets everything with its process: for embedded clusters and simulations.
class memory_job_store final : public job_store {
 public:
  result<void> put(const msg::StoredJob& job) override {
    const std::lock_guard lock{mutex_};
    jobs_[job.spec().job_id()] = job;
    return {};
  }

  result<void> remove(const std::string& job_id) override {
    const std::lock_guard lock{mutex_};
    jobs_.erase(job_id);
    return {};
  }

  result<contents> load() override {
    const std::lock_guard lock{mutex_};
    contents all;
    for (const auto& [id, job] : jobs_)
      all.jobs.push_back(job);
    std::stable_sort(all.jobs.begin(), all.jobs.end(), [](const auto& a, const auto& b) {
      return a.spec().submitted_unix_ms() < b.spec().submitted_unix_ms();
    });
    return all;
  }

  result<blob_info> add_blob(const std::filesystem::path& temporary, const std::string&, const std::string&,
                             std::int64_t) override {
    return user_failure(temporary.string(), "an embedded cluster takes no uploads");
  }
  [[nodiscard]] std::optional<blob_info> blob(const std::string&) const override { return std::nullopt; }
  [[nodiscard]] std::vector<blob_info> blobs() const override { return {}; }
  result<void> remove_blob(const std::string&) override { return {}; }
  [[nodiscard]] std::filesystem::path upload_folder() const override { return {}; }

 private:
  std::mutex mutex_;
  std::map<std::string, msg::StoredJob> jobs_;
};

}  // namespace

std::unique_ptr<job_store> make_memory_job_store() { return std::make_unique<memory_job_store>(); }

}  // namespace flott
