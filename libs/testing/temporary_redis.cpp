#include "testing/temporary_redis.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "redis/codec.hpp"

namespace testing {

namespace {

constexpr int start_attempts_max = 5;
constexpr std::chrono::seconds start_time_max(20);
constexpr std::chrono::milliseconds poll_time(20);
/// Below the ports that the kernel gives to outgoing connections, so that a server that was
/// killed finds its port free when it is started again.
constexpr std::int64_t port_first = 20000;
constexpr std::int64_t port_last = 32000;
constexpr const char* master_name = "doorbuster";

std::string random_hex(std::size_t bytes) {
    std::vector<std::uint8_t> random(bytes);
    base::secure_random(random);
    return base::to_hex(random);
}

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return number_; }

  private:
    int number_;
};

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

std::uint16_t free_port() {
    std::array<std::uint8_t, 8> seed{};
    base::secure_random(seed);
    std::uint64_t number = 0;
    std::memcpy(&number, seed.data(), seed.size());
    base::Jitter random(number);
    for (int attempt = 0; attempt < 100; ++attempt) {
        const auto port = static_cast<std::uint16_t>(random.between(port_first, port_last));
        const Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_in address = loopback(port);
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        if (::bind(listener.get(), generic, sizeof(address)) == 0) return port;
    }
    throw std::runtime_error("found no free port");
}

/// One command on a connection of its own; nullopt if there is no answer within a second.
std::optional<redis::Reply> ask(
    std::uint16_t port, const std::string& password, const redis::Command& command
) {
    const Descriptor connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{1, 0};
    ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    const sockaddr_in address = loopback(port);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(connection.get(), generic, sizeof(address)) != 0) return std::nullopt;

    const std::string bytes = redis::encode({"AUTH", password}) + redis::encode(command);
    const auto size = static_cast<ssize_t>(bytes.size());
    if (::send(connection.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) != size) {
        return std::nullopt;
    }
    redis::ReplyReader reader;
    int replies = 0;
    while (true) {
        std::array<char, 4096> input;
        const ssize_t count = ::recv(connection.get(), input.data(), input.size(), 0);
        if (count <= 0) return std::nullopt;
        reader.feed(std::string_view(input.data(), static_cast<std::size_t>(count)));
        while (auto reply = reader.next()) {
            if (reply->is_error()) return std::nullopt;
            if (++replies == 2) return reply;
        }
    }
}

/// A redis-server or redis-sentinel that dies with the thread that started it, however that ends.
struct Process {
    pid_t pid = -1;

    void start(const std::filesystem::path& folder, const std::vector<std::string>& command) {
        std::vector<char*> arguments;
        for (const auto& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
        arguments.push_back(nullptr);
        const pid_t parent = ::getpid();
        pid = ::fork();
        if (pid < 0) throw std::runtime_error("fork failed");
        if (pid > 0) return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        const int null = ::open("/dev/null", O_RDWR);
        for (const int standard : {0, 1, 2}) ::dup2(null, standard);
        if (::chdir(folder.c_str()) != 0) ::_exit(1);
        ::execvp(arguments[0], arguments.data());
        ::_exit(127);
    }

    bool has_ended() {
        if (pid < 0) return true;
        if (::waitpid(pid, nullptr, WNOHANG) == 0) return false;
        pid = -1;
        return true;
    }

    void send(int signal) const {
        if (pid > 0) ::kill(pid, signal);
    }

    void kill() {
        if (pid < 0) return;
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        pid = -1;
    }
};

struct Server {
    Process process;
    std::uint16_t port = 0;
    std::string id = random_hex(20);
};

void wait_until(const std::string& what, const std::function<bool()>& is_true) {
    const auto end = std::chrono::steady_clock::now() + start_time_max;
    while (!is_true()) {
        if (std::chrono::steady_clock::now() > end) {
            throw std::runtime_error("waited too long until " + what);
        }
        std::this_thread::sleep_for(poll_time);
    }
}

}  // namespace

struct TemporaryRedis::Impl {
    std::filesystem::path folder;
    std::string password = random_hex(16);
    std::string sentinel_password = random_hex(16);
    std::vector<Server> nodes;
    std::vector<Server> sentinels;

    ~Impl() {
        for (auto& server : sentinels) server.process.kill();
        for (auto& server : nodes) server.process.kill();
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

    /// Waits until it answers to our password, which another server on that port would not.
    static bool answers(Server& server, const std::string& secret) {
        bool ready = false;
        wait_until("Redis answers", [&] {
            ready = ask(server.port, secret, {"PING"}).has_value();
            return ready || server.process.has_ended();
        });
        return ready;
    }

    void start_node(std::size_t index) {
        Server& server = nodes[index];
        const std::string name = "node" + std::to_string(index);
        std::ofstream file(folder / (name + ".conf"), std::ios::trunc);
        file << "port " << server.port << "\nbind 127.0.0.1\nsave \"\"\nappendonly no\n"
             << "dbfilename " << name << ".rdb\nlogfile " << name << ".log\n"
             << "requirepass " << password << "\nmasterauth " << password << "\n"
             << "repl-diskless-sync yes\nrepl-diskless-sync-delay 0\n";
        if (index > 0) file << "replicaof 127.0.0.1 " << nodes[0].port << "\n";
        file.close();
        server.process.start(folder, {"redis-server", folder / (name + ".conf")});
        if (!answers(server, password)) throw std::runtime_error("redis-server ended at once");
    }

    void start_new_node(std::size_t index) {
        for (int attempt = 1;; ++attempt) {
            nodes[index].port = free_port();
            try {
                start_node(index);
                return;
            } catch (const std::runtime_error&) {
                nodes[index].process.kill();
                if (attempt == start_attempts_max) throw;
            }
        }
    }

    void wait_for_replicas() {
        wait_until("the replicas are in sync", [this] {
            for (std::size_t index = 1; index < nodes.size(); ++index) {
                const auto role = ask(nodes[index].port, password, {"ROLE"});
                if (!role || role->elements.size() < 4) return false;
                if (role->elements[3].text != "connected") return false;
            }
            // The master lists a replica only once it can fail over to it.
            const auto role = ask(nodes[0].port, password, {"ROLE"});
            return role && role->elements.size() == 3 &&
                   role->elements[2].elements.size() == nodes.size() - 1;
        });
    }

    /// The sentinels are told of each other, as after a restart, rather than left to find each
    /// other, which takes them seconds.
    void start_sentinel(std::size_t index) {
        Server& server = sentinels[index];
        const std::string name = "sentinel" + std::to_string(index);
        const std::string of_master = std::string(" ") + master_name + " ";
        std::ofstream file(folder / (name + ".conf"), std::ios::trunc);
        file << "port " << server.port << "\nbind 127.0.0.1\nlogfile " << name << ".log\n"
             << "requirepass " << sentinel_password << "\n"
             << "sentinel sentinel-pass " << sentinel_password << "\n"
             << "sentinel myid " << server.id << "\n"
             << "sentinel monitor" << of_master << "127.0.0.1 " << nodes[0].port << " 2\n"
             << "sentinel auth-pass" << of_master << password << "\n"
             << "sentinel down-after-milliseconds" << of_master << "1000\n"
             << "sentinel failover-timeout" << of_master << "5000\n"
             << "sentinel parallel-syncs" << of_master << "1\n";
        for (const Server& other : sentinels) {
            if (&other == &server) continue;
            file << "sentinel known-sentinel" << of_master << "127.0.0.1 " << other.port << " "
                 << other.id << "\n";
        }
        file.close();
        server.process.start(folder, {"redis-sentinel", folder / (name + ".conf")});
    }

    bool sentinel_is_ready(const Server& server) const {
        const auto quorum =
            ask(server.port, sentinel_password, {"SENTINEL", "CKQUORUM", master_name});
        const std::string usable = "OK " + std::to_string(sentinels.size()) + " usable";
        if (!quorum) return false;
        if (sentinels.size() >= 2 && !quorum->text.starts_with(usable)) return false;
        const auto replicas =
            ask(server.port, sentinel_password, {"SENTINEL", "REPLICAS", master_name});
        return replicas && replicas->elements.size() == nodes.size() - 1;
    }

    void start_sentinels() {
        for (auto& server : sentinels) server.port = free_port();
        for (std::size_t index = 0; index < sentinels.size(); ++index) start_sentinel(index);
        for (auto& server : sentinels) {
            if (!answers(server, sentinel_password)) {
                throw std::runtime_error("redis-sentinel ended at once");
            }
        }
        if (sentinels.size() < 2) return;  // a quorum of 2 is never reached
        wait_until("the sentinels know each other and the replicas", [this] {
            return std::ranges::all_of(sentinels, [this](const Server& server) {
                return sentinel_is_ready(server);
            });
        });
    }
};

TemporaryRedis::TemporaryRedis(int replicas, int sentinels) : impl_(std::make_unique<Impl>()) {
    std::string folder = (std::filesystem::temp_directory_path() / "doorbuster-redis-XXXXXX");
    if (!::mkdtemp(folder.data())) throw std::runtime_error("can't make a temporary folder");
    impl_->folder = folder;
    impl_->nodes.resize(static_cast<std::size_t>(replicas) + 1);
    impl_->sentinels.resize(static_cast<std::size_t>(sentinels));
    for (std::size_t index = 0; index < impl_->nodes.size(); ++index) impl_->start_new_node(index);
    impl_->wait_for_replicas();
    impl_->start_sentinels();
}

TemporaryRedis::~TemporaryRedis() = default;

redis::Address TemporaryRedis::node(int index) const {
    return {"127.0.0.1", impl_->nodes.at(static_cast<std::size_t>(index)).port};
}

redis::Address TemporaryRedis::sentinel(int index) const {
    return {"127.0.0.1", impl_->sentinels.at(static_cast<std::size_t>(index)).port};
}

redis::Settings TemporaryRedis::settings() const {
    redis::Settings settings;
    for (const auto& server : impl_->sentinels) {
        settings.sentinels.push_back({"127.0.0.1", server.port});
    }
    settings.master_name = master_name;
    settings.password = impl_->password;
    settings.sentinel_password = impl_->sentinel_password;
    if (settings.sentinels.empty()) settings.fallback = node(0);
    return settings;
}

void TemporaryRedis::kill_node(int index) {
    impl_->nodes.at(static_cast<std::size_t>(index)).process.kill();
}

void TemporaryRedis::start_node(int index) {
    impl_->start_node(static_cast<std::size_t>(index));
}

void TemporaryRedis::pause_node(int index) {
    impl_->nodes.at(static_cast<std::size_t>(index)).process.send(SIGSTOP);
}

void TemporaryRedis::resume_node(int index) {
    impl_->nodes.at(static_cast<std::size_t>(index)).process.send(SIGCONT);
}

void TemporaryRedis::kill_sentinel(int index) {
    impl_->sentinels.at(static_cast<std::size_t>(index)).process.kill();
}

}  // namespace testing
