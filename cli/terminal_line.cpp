#include "cli/terminal_line.hpp"

#include <iostream>
#include <unistd.h>

namespace cli {

TerminalLine::TerminalLine() : is_terminal_(::isatty(STDERR_FILENO) != 0) {}

TerminalLine::~TerminalLine() {
    if (is_terminal_) std::cerr << "\r\033[K" << std::flush;
}

void TerminalLine::show(std::string_view text) {
    if (is_terminal_) std::cerr << "\r\033[K" << text << std::flush;
}

}  // namespace cli
