#include "runtime/security/handshake.hpp"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace flott {

namespace {

constexpr std::string_view magic = "FLOTT1";
constexpr std::size_t nonce_size = 32, mac_size = 32, least_secret_size = 16;
constexpr std::size_t hello_size = magic.size() + 3 + nonce_size, challenge_size = magic.size() + 2 + nonce_size,
                      proof_size = mac_size, welcome_size = 1 + mac_size;

/// What a server says about what it heard; the numbers are part of the protocol.
enum class verdict : char { fine = 0, wrong_purpose = 1, no_common_version = 2, wrong_proof = 3 };

std::string_view text_of(verdict v) {
  switch (v) {
    case verdict::fine: return "";
    case verdict::wrong_purpose: return "the port serves another purpose";
    case verdict::no_common_version: return "there is no protocol version that both ends speak";
    case verdict::wrong_proof: return "the proof of the cluster's secret is wrong";
  }
  return "the peer refuses for an unknown reason";
}

std::string_view bytes_of(const handshake::nonce& nonce) {
  return {reinterpret_cast<const char*>(nonce.data()), nonce.size()};
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

handshake::handshake(role me, std::string_view secret, handshake_purpose purpose, const nonce& mine)
    : role_(me), purpose_(purpose), secret_(secret), nonce_(mine) {
  // Two nodes without a secret would prove to each other that they have none.
  if (secret_.size() < least_secret_size)
    refuse("this node has no cluster's secret");
}

std::string handshake::start() {
  if (role_ == role::server || state_ != state::running)
    return {};
  transcript_.assign(magic);
  transcript_ += static_cast<char>(purpose_);
  transcript_ += static_cast<char>(handshake_version_min);
  transcript_ += static_cast<char>(handshake_version_max);
  transcript_ += bytes_of(nonce_);
  return transcript_;
}

std::size_t handshake::wanted() const {
  if (state_ != state::running)
    return 0;
  const auto whole = role_ == role::server ? (step_ == 0 ? hello_size : proof_size)
                                           : (step_ == 0 ? challenge_size : welcome_size);
  return whole - partial_.size();
}

std::size_t handshake::feed(std::string_view input, std::string& output) {
  std::size_t taken = 0;
  while (state_ == state::running && taken < input.size()) {
    const auto piece = input.substr(taken, wanted());
    partial_ += piece;
    taken += piece.size();
    // A stranger (a browser, a scanner) is refused at the first byte that is not ours.
    const auto start_of_magic = std::min(partial_.size(), magic.size());
    if (step_ == 0 && partial_.substr(0, start_of_magic) != magic.substr(0, start_of_magic)) {
      refuse("the peer does not speak Flott's protocol");
      break;
    }
    if (wanted() > 0)
      break;
    if (role_ == role::server)
      step_ == 0 ? hear_hello(output) : hear_proof(output);
    else
      step_ == 0 ? hear_challenge(output) : hear_welcome();
    partial_.clear();
    ++step_;
  }
  return taken;
}

void handshake::hear_hello(std::string& output) {
  transcript_ = partial_;
  const auto purpose = static_cast<handshake_purpose>(partial_[magic.size()]);
  const auto least = static_cast<std::uint8_t>(partial_[magic.size() + 1]);
  const auto most = static_cast<std::uint8_t>(partial_[magic.size() + 2]);
  auto judged = verdict::fine;
  if (purpose != purpose_)
    judged = verdict::wrong_purpose;
  else if (most < handshake_version_min || least > handshake_version_max || least > most)
    judged = verdict::no_common_version;
  version_ = judged == verdict::fine ? std::min(most, handshake_version_max) : std::uint8_t{0};

  std::string challenge(magic);
  challenge += static_cast<char>(judged);
  challenge += static_cast<char>(version_);
  challenge += bytes_of(nonce_);
  transcript_ += challenge;
  output += challenge;
  if (judged != verdict::fine)
    refuse(std::string(text_of(judged)));
}

void handshake::hear_challenge(std::string& output) {
  const auto judged = static_cast<verdict>(partial_[magic.size()]);
  version_ = static_cast<std::uint8_t>(partial_[magic.size() + 1]);
  transcript_ += partial_;
  if (judged != verdict::fine)
    return refuse(std::string(text_of(judged)));
  if (version_ < handshake_version_min || version_ > handshake_version_max)
    return refuse(std::string(text_of(verdict::no_common_version)));
  const auto proof = mac("flott client");
  transcript_ += proof;
  output += proof;
}

void handshake::hear_proof(std::string& output) {
  const bool right = equal_in_constant_time(partial_, mac("flott client"));
  transcript_ += partial_;
  if (!right) {
    // No MAC for a peer that has proven nothing.
    output += static_cast<char>(verdict::wrong_proof);
    output.append(mac_size, '\0');
    return refuse(std::string(text_of(verdict::wrong_proof)));
  }
  output += static_cast<char>(verdict::fine);
  output += mac("flott server");
  state_ = state::accepted;
}

void handshake::hear_welcome() {
  const auto judged = static_cast<verdict>(partial_[0]);
  if (judged != verdict::fine)
    return refuse(std::string(text_of(judged)));
  if (!equal_in_constant_time(std::string_view(partial_).substr(1), mac("flott server")))
    return refuse("the peer cannot prove that it holds the cluster's secret");
  state_ = state::accepted;
}

void handshake::refuse(std::string reason) {
  state_ = state::refused;
  reason_ = std::move(reason);
}

std::string handshake::mac(std::string_view role_name) const {
  std::string message(role_name);
  message += '\0';
  message += transcript_;
  std::string digest(mac_size, '\0');
  unsigned length = 0;
  const auto* done = HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
                          reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                          reinterpret_cast<unsigned char*>(digest.data()), &length);
  // Without a digest nothing may ever compare equal.
  if (done == nullptr || length != mac_size)
    digest.clear();
  return digest;
}

}  // namespace flott
