// A computation that a program's own node runs: the driver's side of the launch (orders and
// reports) and of the gateways (what sessions send, and the answers). Everything here happens on
// the node's thread, and nobody else's code is called from it but by a posted handler.
#pragma once

#include <equus/host/effects.hpp>
#include <equus/host/session.hpp>
#include <equus/kernel/kernel.hpp>
#include <equus/services/gateway.hpp>
#include <equus/services/launch.hpp>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace equus::host {

/// Encoded requests meet encoded answers: who asks first waits.
class mailbox {
public:
    void ask(effect_completion done) {
        waiting_.push_back(std::move(done));
        match();
    }
    void put(bytes what) {
        arrived_.push_back(std::move(what));
        match();
    }

private:
    void match() {
        while (!waiting_.empty() && !arrived_.empty()) {
            waiting_.front()(std::move(arrived_.front()));
            waiting_.pop_front();
            arrived_.pop_front();
        }
    }
    std::deque<effect_completion> waiting_;
    std::deque<bytes> arrived_;
};

class hosted_rdc : public std::enable_shared_from_this<hosted_rdc> {
public:
    hosted_rdc(asio::io_context& loop, duration usual_timeout) noexcept
        : context{loop}, call_timeout{usual_timeout} {}

    /// The effects of launch and gateways, and the console's unless the program has its own.
    void add_effects(effect_registry& to);
    /// Makes the launch, which finds its first order here.
    result<void> boot(kernel& on, const launching::order& establish);
    std::shared_ptr<session_core> open(std::string name, std::string_view protocol);
    /// The node's life is over: whatever waits ends with `reason`.
    void over(const error& reason);

    asio::io_context& context;
    const duration call_timeout; ///< of an invocation that says nothing else
    std::function<void(const launching::progress&)> on_progress;
    std::function<void()> on_finished; ///< the computation has ended

private:
    friend class session_core;
    void reported(const bytes& what);
    session_core* find(std::uint64_t session) noexcept;

    mailbox orders_;
    std::optional<error> ended_;
    std::uint64_t next_session_ = 1;
    std::map<std::uint64_t, std::shared_ptr<session_core>> sessions_;
};

/// What one `open` has outstanding. It ends when nobody holds its session and all is answered.
class session_core {
public:
    /// Messages not yet answered.
    static constexpr std::size_t calls_max = 1'024;
    session_core(hosted_rdc& in, std::uint64_t id)
        : in_{in.shared_from_this()}, id_{id}, timer_{in.context} {}

    void submit(session_call call);
    void gateway_asks(effect_completion done);
    void answered(gateway::answer what);
    /// Nothing can be sent any more.
    void fail_all(const error& reason);
    /// Nobody will submit any more.
    void let_go();
    asio::io_context& context() noexcept { return in_->context; }

private:
    using clock = std::chrono::steady_clock;
    struct unsent {
        gateway::outside_message message;
        clock::time_point until;
    };
    void hand_over();
    void refuse_late();
    void arm_timer();
    void finish(std::uint64_t id, result<bytes> outcome);
    void end_if_done();

    const std::shared_ptr<hosted_rdc> in_;
    const std::uint64_t id_;
    std::uint64_t next_call_ = 1;
    std::map<std::uint64_t, std::function<void(result<bytes>)>> outstanding_;
    std::deque<unsent> unsent_;
    std::optional<effect_completion> gateway_; ///< it asks for more
    std::optional<error> failure_;
    bool let_go_ = false;
    asio::steady_timer timer_; ///< for what no gateway has taken yet
};

} // namespace equus::host
