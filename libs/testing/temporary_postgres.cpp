#include "testing/temporary_postgres.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <netinet/in.h>
#include <optional>
#include <pwd.h>
#include <signal.h>
#include <stdexcept>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace testing {
namespace {

namespace files = std::filesystem;

constexpr std::string_view folder_prefix = "doorbuster-postgres-";
constexpr std::chrono::seconds start_timeout{60};
constexpr int start_attempts = 5;

/// Who PostgreSQL runs as: itself refuses root.
struct Account {
    bool change = false;
    uid_t uid = 0;
    gid_t gid = 0;
};

Account server_account() {
    if (::geteuid() != 0) return {false, ::geteuid(), ::getegid()};
    const passwd* found = ::getpwnam("postgres");
    if (found == nullptr) throw std::runtime_error("the user postgres does not exist");
    return {true, found->pw_uid, found->pw_gid};
}

files::path binaries() {
    std::vector<files::path> versions;
    std::error_code missing;
    for (const auto& entry : files::directory_iterator("/usr/lib/postgresql", missing)) {
        if (files::exists(entry.path() / "bin" / "postgres")) versions.push_back(entry.path());
    }
    std::sort(versions.begin(), versions.end());
    if (!versions.empty()) return versions.back() / "bin";
    for (const char* folder : {"/usr/bin", "/usr/local/bin", "/usr/local/pgsql/bin"}) {
        if (files::exists(files::path(folder) / "postgres")) return folder;
    }
    throw std::runtime_error("no PostgreSQL server is installed (package postgresql)");
}

/// Starts a program as `account`, its output in `log`. It dies with the thread that started it.
pid_t start_program(
    const std::vector<std::string>& command, const Account& account, const files::path& log
) {
    std::vector<char*> arguments;
    for (const auto& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
    arguments.push_back(nullptr);
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (output < 0) throw std::runtime_error("can't open " + log.string());
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        if (account.change && (::setgroups(0, nullptr) != 0 || ::setgid(account.gid) != 0 ||
                               ::setuid(account.uid) != 0)) {
            ::_exit(126);
        }
        // After the change of user, which clears it. SIGQUIT makes PostgreSQL stop at once.
        ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
        if (::getppid() != parent) ::_exit(126);
        if (::chdir("/") != 0) ::_exit(126);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    ::close(output);
    if (child < 0) throw std::runtime_error("can't fork");
    return child;
}

void run_program(
    const std::vector<std::string>& command, const Account& account, const files::path& log
) {
    const pid_t child = start_program(command, account, log);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status == 0) return;
    std::ifstream text(log);
    throw std::runtime_error(
        command.front() + " failed: " +
        std::string(std::istreambuf_iterator<char>(text), std::istreambuf_iterator<char>())
    );
}

std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(socket);
    if (!bound) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

/// A test that crashed took its server along, but left the folder.
void remove_folders_of_the_dead(const files::path& parent) {
    std::error_code ignored;
    for (const auto& entry : files::directory_iterator(parent, ignored)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(folder_prefix)) continue;
        pid_t owner = 0;
        const char* begin = name.data() + folder_prefix.size();
        const auto parsed = std::from_chars(begin, name.data() + name.size(), owner);
        if (parsed.ec != std::errc() || owner <= 0) continue;
        if (::kill(owner, 0) != 0 && errno == ESRCH) files::remove_all(entry.path(), ignored);
    }
}

files::path make_folder(const Account& account) {
    const files::path parent = "/tmp";
    remove_folders_of_the_dead(parent);
    std::string path = (parent / fmt::format("{}{}-XXXXXX", folder_prefix, ::getpid())).string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("can't make " + path);
    if (account.change && ::chown(path.c_str(), account.uid, account.gid) != 0) {
        throw std::runtime_error("can't give away " + path);
    }
    return path;
}

}  // namespace

struct TemporaryPostgres::Impl {
    Account account = server_account();
    files::path programs = binaries();
    files::path folder = make_folder(account);
    std::uint16_t port = 0;
    pid_t server = 0;

    files::path data() const { return folder / "data"; }
    files::path log() const { return folder / "log"; }

    bool has_ended() {
        int status = 0;
        if (::waitpid(server, &status, WNOHANG) != server) return false;
        server = 0;
        return true;
    }

    /// The server's own word: the last line of its pid file, which starts with its pid.
    bool is_ready() const {
        std::ifstream file(data() / "postmaster.pid");
        std::string line;
        std::vector<std::string> lines;
        while (std::getline(file, line)) lines.push_back(line);
        return lines.size() >= 8 && lines[0] == std::to_string(server) &&
               lines[7].starts_with("ready");
    }

    bool try_start() {
        server = start_program(
            {(programs / "postgres").string(),
             "-D",
             data().string(),
             "-p",
             std::to_string(port),
             "-c",
             "listen_addresses=127.0.0.1",
             "-c",
             "unix_socket_directories=",
             "-c",
             "fsync=on",
             "-c",
             "shared_buffers=32MB",
             "-c",
             "max_connections=150"},
            account,
            log()
        );
        const auto end = std::chrono::steady_clock::now() + start_timeout;
        while (std::chrono::steady_clock::now() < end) {
            if (is_ready()) return true;
            if (has_ended()) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        stop(SIGQUIT);
        return false;
    }

    void stop(int signal) {
        if (server == 0) return;
        ::kill(server, signal);
        ::waitpid(server, nullptr, 0);
        server = 0;
    }

    void create_database(const std::string& name) {
        run_program(
            {(programs / "psql").string(),
             "-X",
             "-q",
             "-d",
             fmt::format("postgresql://postgres@127.0.0.1:{}/postgres", port),
             "-c",
             fmt::format("CREATE DATABASE {}", name)},
            account,
            folder / "psql.log"
        );
    }
};

TemporaryPostgres::TemporaryPostgres() : impl_(std::make_unique<Impl>()) {
    run_program(
        {(impl_->programs / "initdb").string(),
         "-D",
         impl_->data().string(),
         "-U",
         "postgres",
         "-A",
         "trust",
         "-E",
         "UTF8",
         "--locale=C.UTF-8",
         "--no-sync",
         "--no-instructions"},
        impl_->account,
        impl_->folder / "initdb.log"
    );
    // Between finding a free port and using it somebody else may take it.
    for (int attempt = 0; attempt < start_attempts; ++attempt) {
        impl_->port = free_port();
        if (impl_->try_start()) break;
    }
    if (impl_->server == 0) throw std::runtime_error("PostgreSQL does not start");
    impl_->create_database("doorbuster");
}

TemporaryPostgres::~TemporaryPostgres() {
    impl_->stop(SIGQUIT);
    std::error_code ignored;
    files::remove_all(impl_->folder, ignored);
}

std::string TemporaryPostgres::url() const {
    return fmt::format("postgresql://postgres@127.0.0.1:{}/doorbuster", impl_->port);
}

std::uint16_t TemporaryPostgres::port() const {
    return impl_->port;
}

void TemporaryPostgres::stop_immediately() {
    impl_->stop(SIGQUIT);
}

void TemporaryPostgres::start() {
    if (!impl_->try_start()) throw std::runtime_error("PostgreSQL does not start again");
}

void TemporaryPostgres::create_database(const std::string& name) {
    impl_->create_database(name);
}

TemporaryPostgres& shared_postgres() {
    static TemporaryPostgres server;
    return server;
}

std::string make_database(const std::string& prefix) {
    static int made = 0;
    const std::string name = fmt::format("{}_{}", prefix, ++made);
    auto& server = shared_postgres();
    server.create_database(name);
    return fmt::format("postgresql://postgres@127.0.0.1:{}/{}", server.port(), name);
}

}  // namespace testing
