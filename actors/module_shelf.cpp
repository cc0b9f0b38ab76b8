#include "actors/rest_gateway.hpp"

namespace flott {

module_shelf::module_shelf(std::shared_ptr<job_store> store, inspector inspect)
    : store_(std::move(store)), inspect_(std::move(inspect)) {}

result<blob_info> module_shelf::add(const std::string& temporary, const std::string& file_name, std::int64_t unix_ms) {
  auto inspected = inspect_(temporary);
  if (!inspected) {
    auto refused = std::move(inspected).error();
    refused.where = file_name;                        // not the name of the temporary file
    return refused;
  }
  FLOTT_ASSIGN(auto blob, store_->add_blob(temporary, file_name, {}, unix_ms));   // long: outside the lock
  const std::lock_guard lock{mutex_};
  functions_[blob.sha256] = std::move(inspected).value();
  return blob;
}

std::optional<blob_info> module_shelf::find(const std::string& sha256) const {
  return store_->blob(sha256);
}

std::vector<blob_info> module_shelf::list() const {
  return store_->blobs();
}

result<std::vector<std::string>> module_shelf::functions(const std::string& sha256) {
  {
    const std::lock_guard lock{mutex_};
    if (const auto known = functions_.find(sha256); known != functions_.end())
      return known->second;
  }
  const auto blob = store_->blob(sha256);
  if (!blob)
    return user_failure(sha256, "no module of this hash has been uploaded");
  FLOTT_ASSIGN(auto found, inspect_(blob->path.string()));
  const std::lock_guard lock{mutex_};
  functions_[sha256] = found;
  return found;
}

result<void> module_shelf::remove(const std::string& sha256) {
  {
    const std::lock_guard lock{mutex_};
    functions_.erase(sha256);
  }
  return store_->remove_blob(sha256);
}

std::string module_shelf::upload_folder() const { return store_->upload_folder().string(); }

}  // namespace flott
