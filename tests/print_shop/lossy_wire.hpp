// A wire to a print server that loses answers: it passes requests on as a whole, and hangs up on
// the client instead of the server's answer to the first requests that enter a job.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace doc::test {

class lossy_wire {
public:
    /// Of the requests Print-Job, the answers to the first `lost` are not passed on.
    lossy_wire(std::uint16_t server, int lost);
    ~lossy_wire();
    lossy_wire(const lossy_wire&) = delete;
    lossy_wire& operator=(const lossy_wire&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    int entered() const noexcept { return entered_; }

private:
    void serve();
    void pass(int client);

    std::uint16_t server_;
    std::uint16_t port_ = 0;
    int lost_;
    int listener_ = -1;
    std::atomic<int> entered_{0};
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

} // namespace doc::test
