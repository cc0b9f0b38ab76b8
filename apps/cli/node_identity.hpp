#pragma once

#include "messages/common.pb.h"
#include "runtime/base/env.hpp"

#include <filesystem>
#include <string>

namespace flott::cli {

/// Who this process is in its cluster's folder, if it has one. One that was started by hand is recorded there, so that
/// `cluster stop` finds it; its record goes with it.
class node_identity {
 public:
  /// `given` is the id that the starter has recorded for this very process. Where it belongs to an earlier one (the same
  /// command line, called again), or is empty, a new id is made: no id is used twice.
  [[nodiscard]] static result<node_identity> take(const std::filesystem::path& dir, msg::NodeRole role,
                                                  const std::string& given, env& environment);
  node_identity(node_identity&& other) noexcept;
  node_identity& operator=(node_identity&&) = delete;
  ~node_identity();

  std::string id;
  std::filesystem::path log;              ///< empty: standard error

 private:
  node_identity() = default;
  std::filesystem::path own_record_;      ///< to be removed at the end
};

}  // namespace flott::cli
