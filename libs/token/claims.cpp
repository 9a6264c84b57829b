#include "base/assertion.hpp"
#include "token/access_token.hpp"

namespace token {

std::string_view to_string(Role role) {
    switch (role) {
        case Role::customer:
            return "customer";
        case Role::admin:
            return "admin";
    }
    DOORBUSTER_ASSERT(!"a role without a name");
    return {};
}

std::optional<Role> parse_role(std::string_view text) {
    if (text == "customer") return Role::customer;
    if (text == "admin") return Role::admin;
    return std::nullopt;
}

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::malformed:
            return "malformed";
        case Refusal::algorithm_refused:
            return "algorithm_refused";
        case Refusal::key_unknown:
            return "key_unknown";
        case Refusal::signature_wrong:
            return "signature_wrong";
        case Refusal::issuer_wrong:
            return "issuer_wrong";
        case Refusal::audience_wrong:
            return "audience_wrong";
        case Refusal::not_an_access_token:
            return "not_an_access_token";
        case Refusal::not_yet_valid:
            return "not_yet_valid";
        case Refusal::expired:
            return "expired";
    }
    DOORBUSTER_ASSERT(!"a refusal without a name");
    return {};
}

}  // namespace token
