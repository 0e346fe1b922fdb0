// A print server of the test's own: cupsd on loopback with its own configuration, folders and port,
// as an unprivileged user when the test runs as root. Its queues end in a back-end that records
// the bytes it gets, since the states of jobs prove nothing about them.
#pragma once

#include "runs/runs.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace doc::test {

namespace fs = std::filesystem;

class print_server {
public:
    print_server();
    ~print_server();
    print_server(const print_server&) = delete;
    print_server& operator=(const print_server&) = delete;

    /// Every server has: "press"; "brittle", which stops when a job fails; "closed", which takes no
    /// jobs; "guarded", which wants a password. A job fails when its name has the word "jam" in it.
    std::string queue(const std::string& name) const { return queue(name, port_); }
    static std::string queue(const std::string& name, std::uint16_t port);
    std::uint16_t port() const noexcept { return port_; }

    struct sheet {
        std::string title; ///< of the job
        std::string bytes;
    };
    /// What has reached the device, in the order of job numbers.
    std::vector<sheet> received() const;
    /// The same by the documents' names, below a folder; the number of times each has come.
    std::map<std::string, int> put_into(const std::string& folder) const;
    std::string log() const;

private:
    void configure(std::uint16_t port);
    bool start(std::uint16_t port);
    void stop();

    fs::path folder_;
    std::uint16_t port_ = 0;
    pid_t pid_ = 0;
};

/// A port of loopback that nobody listens on now.
std::uint16_t free_port();

} // namespace doc::test
