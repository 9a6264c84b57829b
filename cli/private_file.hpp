#pragma once

#include <string>

namespace cli {

/// Writes a file that only its owner may read, whole or not at all. Throws Failure.
void write_private_file(const std::string& path, const std::string& content);

}  // namespace cli
