#include "runtime/base/failure.hpp"

#include "messages/common.pb.h"

#include <cerrno>
#include <system_error>

namespace flott {

std::string failure::to_string() const {
  std::string text;
  if (!where.empty())
    text += where + ": ";
  text += message;
  if (!cause.empty())
    text += " (" + cause + ")";
  return text;
}

failure user_failure(std::string where, std::string message, std::string cause) {
  return {failure_class::permanent, failure_domain::user, std::move(where), std::move(message), std::move(cause)};
}

failure transient_failure(std::string where, std::string message, std::string cause) {
  return {failure_class::transient, failure_domain::external, std::move(where), std::move(message),
          std::move(cause)};
}

failure resource_failure(std::string where, std::string message, std::string cause) {
  return {failure_class::resources, failure_domain::internal, std::move(where), std::move(message),
          std::move(cause)};
}

failure internal_failure(std::string where, std::string message, std::string cause) {
  return {failure_class::permanent, failure_domain::internal, std::move(where), std::move(message),
          std::move(cause)};
}

failure system_failure(std::string where, std::string message, int error_number) {
  failure f{failure_class::transient, failure_domain::external, std::move(where), std::move(message),
            std::generic_category().message(error_number)};
  switch (error_number) {
    case ENOENT: case ENOTDIR: case EISDIR: case EACCES: case EPERM: case ENAMETOOLONG: case EROFS: case ELOOP:
    case EINVAL:
      f.cls = failure_class::permanent;
      f.domain = failure_domain::user;
      break;
    default:
      break;
  }
  return f;
}

void to_proto(const failure& from, msg::Failure& to) {
  to.set_cls(static_cast<msg::FailureClass>(from.cls));
  to.set_domain(static_cast<msg::FailureDomain>(from.domain));
  to.set_where(from.where);
  to.set_message(from.message);
  to.set_cause(from.cause);
}

failure from_proto(const msg::Failure& from) {
  failure f;
  f.cls = from.cls() == msg::FAILURE_CLASS_UNSPECIFIED ? failure_class::permanent
                                                       : static_cast<failure_class>(from.cls());
  f.domain = from.domain() == msg::FAILURE_DOMAIN_UNSPECIFIED ? failure_domain::internal
                                                              : static_cast<failure_domain>(from.domain());
  f.where = from.where();
  f.message = from.message();
  f.cause = from.cause();
  return f;
}

}  // namespace flott
