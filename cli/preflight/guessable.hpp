#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/preflight/finding.hpp"

namespace cli::preflight {

/// Words that are tried first by anybody who wants to get in.
const std::vector<std::string>& well_known_passwords();

/// Whether `text` is such a word, whatever its case and what digits and signs stand around it.
bool is_guessable(std::string_view text);

/// How many bits a guesser would have to find out at most, by length and kinds of characters: an
/// upper bound, which only a poor secret fails.
double bits_at_most(std::string_view text);

struct GivenSecret {
    std::string name;   ///< of the variable
    std::string value;  ///< never shown
};
Judgement judge_secrets(const std::vector<GivenSecret>& secrets);

/// The private key that signs access tokens.
Judgement judge_signing_key(std::string_view pem);

/// Whether a password belongs to a verifier of pg_authid ("SCRAM-SHA-256$4096:salt$...:...").
bool is_scram_password(std::string_view verifier, std::string_view password);

}  // namespace cli::preflight
