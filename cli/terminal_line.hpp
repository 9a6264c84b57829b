#pragma once

#include <string_view>

namespace cli {

/// On a terminal one line that changes, gone at the end; nothing in a file or a pipe.
class TerminalLine {
  public:
    TerminalLine();
    ~TerminalLine();
    TerminalLine(const TerminalLine&) = delete;
    TerminalLine& operator=(const TerminalLine&) = delete;

    void show(std::string_view text);

  private:
    bool is_terminal_;
};

}  // namespace cli
