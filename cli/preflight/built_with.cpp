#include "cli/preflight/built_with.hpp"

namespace cli::preflight {

BuiltWith built_with() {
    return {
        DOORBUSTER_SCHEMA_AUTH,
        DOORBUSTER_SCHEMA_PRODUCT,
        DOORBUSTER_SCHEMA_ORDERS,
        DOORBUSTER_SCHEMA_SANDBOX
    };
}

}  // namespace cli::preflight
