#pragma once

#include <sys/types.h>

namespace flott {

/// While one lives, an actor system made on the calling thread gets a node id that no other process has, nor an earlier
/// life of this one. Only for programs that link apps/caf_node_id.cpp.
class unique_caf_node_id {
 public:
  unique_caf_node_id();
  ~unique_caf_node_id();
  unique_caf_node_id(const unique_caf_node_id&) = delete;
  unique_caf_node_id& operator=(const unique_caf_node_id&) = delete;

 private:
  pid_t before_;
};

}  // namespace flott
