#include "runtime/config/configuration.hpp"

#include "runtime/base/env.hpp"
#include "runtime/config/foreign_keys.hpp"
#include "runtime/config/options.hpp"
#include "runtime/config/yaml_entries.hpp"

namespace flott {

namespace {

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

/// Values in messages: printable and short.
std::string shown(std::string_view text) {
  std::string copy;
  for (const char c : text.substr(0, 80))
    copy += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return in_quotes(copy + (text.size() > 80 ? "..." : ""));
}

failure unknown(const std::string& origin, std::string_view key) {
  std::string message = "unknown option " + shown(key);
  if (const auto nearest = nearest_option(key); !nearest.empty())
    message += "; did you mean " + in_quotes(nearest) + "?";
  return user_failure(origin, std::move(message));
}

}  // namespace

result<configuration> configuration::load(const std::filesystem::path& file,
                                          const std::vector<std::string>& overrides) {
  if (file.empty())
    return parse("", "", overrides);
  FLOTT_ASSIGN(const auto text, system_env().read_file(file));
  return parse(text, file.string(), overrides);
}

result<configuration> configuration::parse(std::string_view yaml, std::string_view name,
                                           const std::vector<std::string>& overrides) {
  FLOTT_ASSIGN(const auto entries, read_yaml_entries(yaml, name));
  configuration parsed;
  std::map<std::string, std::string, std::less<>> seen;
  for (const auto& entry : entries) {
    if (const auto [before, fresh] = seen.emplace(entry.key, entry.origin); !fresh)
      return user_failure(entry.origin, "option " + shown(entry.key) + " is set twice, first at " + before->second);
    if (const auto why = reason_to_ignore(entry.key); !why.empty()) {
      parsed.warnings_.push_back(entry.origin + ": option " + in_quotes(entry.key) + " is ignored: " + std::string(why));
      continue;
    }
    FLOTT_TRY(parsed.set(entry.key, entry.value, entry.origin, false));
  }
  FLOTT_TRY(parsed.set_all(overrides));
  FLOTT_TRY(parsed.check());
  return parsed;
}

result<void> configuration::set_all(const std::vector<std::string>& overrides) {
  for (const auto& text : overrides) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return user_failure("-D", shown(text) + " is not of the form key=value");
    const auto key = std::string_view(text).substr(0, equals);
    if (const auto why = reason_to_ignore(key); !why.empty()) {
      warnings_.push_back("-D: option " + in_quotes(key) + " is ignored: " + std::string(why));
      continue;
    }
    FLOTT_TRY(set(key, std::string_view(text).substr(equals + 1), "-D", false));
  }
  return {};
}

result<void> configuration::set(std::string_view key, std::string_view text, const std::string& origin,
                                bool by_job) {
  const auto* declared = find_option(key);
  if (declared == nullptr)
    return unknown(origin, key);
  if (by_job && declared->scope != option_scope::job)
    return user_failure(origin, "option " + in_quotes(key) + " belongs to the cluster and cannot be set by a job");
  auto parsed = declared->parse(text);
  if (!parsed.ok())
    return user_failure(origin, "option " + in_quotes(key) + ": " + shown(text) + " " + parsed.error().message);
  set_.insert_or_assign(std::string(key), setting{std::move(parsed).value(), origin});
  return {};
}

result<configuration> configuration::for_job(
    const std::vector<std::pair<std::string, std::string>>& settings) const {
  auto copy = *this;
  for (const auto& [key, value] : settings)
    FLOTT_TRY(copy.set(key, value, "configuration of the job", true));
  FLOTT_TRY(copy.check());
  return copy;
}

result<configuration> configuration::with(std::string_view key, std::string_view text,
                                          std::string_view origin) const {
  auto copy = *this;
  FLOTT_TRY(copy.set(key, text, std::string(origin), false));
  FLOTT_TRY(copy.check());
  return copy;
}

const option_value& configuration::value_of(const option_declaration& of) const {
  const auto found = set_.find(of.key);
  return found == set_.end() ? of.default_value : found->second.value;
}

std::vector<std::pair<std::string, std::string>> configuration::entries() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [key, given] : set_)
    all.emplace_back(key, find_option(key)->render(given.value));
  return all;
}

result<void> configuration::check() const {
  const auto origin = [&](const option_declaration& of) {
    const auto found = set_.find(of.key);
    return found == set_.end() ? std::string("default") : found->second.origin;
  };
  if (get(options::security_enabled))
    return user_failure(origin(options::security_enabled),
                        "option 'security.enabled': this build has no TLS, users and roles; see flott.insecure");
  if (!get(options::insecure)) {
    for (const auto* bind : {&options::jobmanager_bind_host, &options::jobmanager_node_bind_host,
                             &options::taskmanager_bind_host, &options::rest_bind_address,
                             &options::metrics_bind_host})
      if (!is_loopback(get(*bind)))
        return user_failure(origin(*bind), "option " + in_quotes(bind->key) + ": " + shown(get(*bind))
                                               + " is not loopback, which needs 'flott.insecure: true'");
  }
  if (get(options::heartbeat_timeout) < 2 * get(options::heartbeat_interval))
    return user_failure(origin(options::heartbeat_timeout),
                        "option 'heartbeat.timeout': " + to_text(get(options::heartbeat_timeout))
                            + " is less than twice heartbeat.interval, "
                            + to_text(get(options::heartbeat_interval)));
  if (get(options::restart_max_backoff) < get(options::restart_initial_backoff))
    return user_failure(origin(options::restart_max_backoff),
                        "option " + in_quotes(options::restart_max_backoff.key) + ": "
                            + to_text(get(options::restart_max_backoff)) + " is less than the first pause, "
                            + to_text(get(options::restart_initial_backoff)));
  if (get(options::jobmanager_rpc_address).empty())
    return user_failure(origin(options::jobmanager_rpc_address), "option 'jobmanager.rpc.address' names nobody");
  return {};
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "[::1]")
    return true;
  // 127.0.0.0/8, written in full: "127.evil.example" is a name.
  int dots = 0;
  for (const char c : host) {
    if (c == '.') ++dots;
    else if (c < '0' || c > '9') return false;
  }
  return dots == 3 && host.starts_with("127.");
}

}  // namespace flott
