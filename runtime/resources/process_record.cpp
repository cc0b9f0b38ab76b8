#include "runtime/resources/process_table.hpp"

#include "runtime/resources/proc.hpp"

#include <boost/json.hpp>
#include <unistd.h>

namespace flott {

namespace {

constexpr std::string_view record_suffix = ".json";

template <class T>
bool take(const boost::json::object& from, std::string_view key, T& to) {
  const auto* value = from.if_contains(key);
  if (value == nullptr)
    return false;
  auto converted = boost::json::try_value_to<T>(*value);
  if (!converted)
    return false;
  to = std::move(*converted);
  return true;
}

/// A node id becomes a file's name.
bool is_node_id(std::string_view id) {
  return !id.empty() && id.size() <= 128
         && id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
                == std::string_view::npos;
}

}  // namespace

std::string_view role_name(msg::NodeRole role) {
  switch (role) {
    case msg::NODE_ROLE_DISPATCHER: return "dispatcher";
    case msg::NODE_ROLE_JOBMANAGER: return "jobmanager";
    case msg::NODE_ROLE_TASKMANAGER: return "taskmanager";
    default: return "unknown";
  }
}

msg::NodeRole parse_role(std::string_view name) {
  for (const auto role : {msg::NODE_ROLE_DISPATCHER, msg::NODE_ROLE_JOBMANAGER, msg::NODE_ROLE_TASKMANAGER})
    if (role_name(role) == name)
      return role;
  return msg::NODE_ROLE_UNSPECIFIED;
}

std::string new_node_id(msg::NodeRole role, env& environment) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string id(role_name(role));
  id += '-';
  auto bits = environment.next_random();
  for (int i = 0; i < 12; ++i, bits >>= 4)
    id += digits[bits & 15];
  return id;
}

std::filesystem::path record_path(const std::filesystem::path& run_dir, std::string_view node_id) {
  return run_dir / (std::string(node_id) + std::string(record_suffix));
}

std::filesystem::path crash_path(const std::filesystem::path& run_dir, std::string_view node_id) {
  return run_dir / (std::string(node_id) + ".crash");
}

std::filesystem::path module_cache_path(const std::filesystem::path& run_dir, std::string_view node_id) {
  return run_dir / (std::string(module_cache_prefix) + std::string(node_id));
}

std::string to_json(const process_record& record) {
  boost::json::array arguments(record.arguments.begin(), record.arguments.end());
  return boost::json::serialize(boost::json::object{
      {"id", record.node_id},
      {"role", role_name(record.role)},
      {"pid", record.pid},
      {"start_ticks", record.start_ticks},
      {"boot_id", record.boot_id},
      {"log", record.log},
      {"arguments", std::move(arguments)},
  });
}

result<process_record> parse_process_record(std::string_view text, std::string_view name) {
  const auto wrong = [&](std::string what) {
    return user_failure(std::string(name), "is not a process record", std::move(what));
  };
  boost::json::error_code error;
  const auto document = boost::json::parse(text, error);
  if (error)
    return wrong(error.message());
  const auto* object = document.if_object();
  if (object == nullptr)
    return wrong("not an object");
  process_record record;
  std::string role;
  if (!take(*object, "id", record.node_id) || !is_node_id(record.node_id))
    return wrong("'id' is missing or no node id");
  if (!take(*object, "role", role) || (record.role = parse_role(role)) == msg::NODE_ROLE_UNSPECIFIED)
    return wrong("'role' is missing or unknown");
  // 0 and negative numbers would signal whole process groups, 1 is nobody's node.
  if (!take(*object, "pid", record.pid) || record.pid <= 1)
    return wrong("'pid' is missing or no process id");
  if (!take(*object, "start_ticks", record.start_ticks))
    return wrong("'start_ticks' is missing or no number");
  if (!take(*object, "boot_id", record.boot_id))
    return wrong("'boot_id' is missing or no text");
  if (!take(*object, "log", record.log))
    return wrong("'log' is missing or no text");
  if (!take(*object, "arguments", record.arguments))
    return wrong("'arguments' is missing or no list of texts");
  return record;
}

result<process_record> record_this_process(std::string node_id, msg::NodeRole role,
                                           const std::filesystem::path& run_dir, std::string log, env& environment) {
  process_record record;
  record.node_id = std::move(node_id);
  record.role = role;
  record.pid = ::getpid();
  record.log = std::move(log);
  record.arguments = arguments_of(record.pid);
  record.boot_id = boot_id();
  const auto stat = process_stat_of(record.pid);
  if (!stat)
    return internal_failure("/proc/self/stat", "cannot be read");
  record.start_ticks = stat->start_ticks;
  FLOTT_TRY(environment.make_directories(run_dir));
  FLOTT_TRY(environment.write_file(record_path(run_dir, record.node_id), to_json(record)));
  return record;
}

std::vector<process_record> recorded_processes(const std::filesystem::path& run_dir, std::vector<failure>* broken) {
  std::vector<process_record> records;
  const auto report = [&](failure f) {
    if (broken != nullptr) broken->push_back(std::move(f));
  };
  if (!system_env().exists(run_dir))
    return records;
  auto names = system_env().list(run_dir);
  if (!names.ok()) {
    report(std::move(names).error());
    return records;
  }
  for (const auto& name : names.value()) {
    if (!name.ends_with(record_suffix))
      continue;
    const auto path = run_dir / name;
    const auto text = system_env().read_file(path);
    if (!text.ok()) {
      // Gone since the folder was listed: its process has ended.
      if (system_env().exists(path)) report(text.error());
      continue;
    }
    auto record = parse_process_record(text.value(), path.string());
    if (record.ok())
      records.push_back(std::move(record).value());
    else
      report(std::move(record).error());
  }
  return records;
}

bool is_alive(const process_record& record) {
  if (record.boot_id != boot_id())
    return false;
  const auto stat = process_stat_of(record.pid);
  return stat && stat->start_ticks == record.start_ticks && !stat->ended();
}

process_handle open_process(const process_record& record) {
  // The descriptor first, the check afterwards: from here on it is this process or none.
  auto handle = process_handle::open(record.pid);
  if (!handle.valid() || !is_alive(record))
    return process_handle(-1);
  return handle;
}

}  // namespace flott
