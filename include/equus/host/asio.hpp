// A node inside a program that has an event loop: one kernel, its links over TCP and its effects,
// driven by an asio::io_context, the program's own or the node's.
//
//     equus::node n{context, options, modules};
//     if (auto up = n.start(rdc); !up) ...                  // the port is taken, no secret, ...
//     auto jobs = n.open<printing>("doc/submit");           // messages to it: session.hpp
//     context.run();
//
// The rdc is a value, built in C++ (rdc_builder.hpp) or read from a text (configuration.hpp). The
// node is the root of its run; others join it by its address and the run's secret, with `start()`.
//
// One thread runs the io_context of a node; everything here but `post`, `leave` and what is said
// otherwise belongs to that thread. Nodes that shall use several cores are several nodes.
//
// A node gives the loop back at least every `turn_budget`, so that a busy node delays the program's
// own handlers by no more than that and one handler of an incarnation.
#pragma once

#include <equus/host/effects.hpp>
#include <equus/host/secret.hpp>
#include <equus/host/session.hpp>
#include <equus/kernel/kernel.hpp>
#include <equus/rdc.hpp>
#include <equus/services/launch.hpp>

#include <asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace equus {

struct node_options {
    /// `address` may stay empty: it becomes where the node listens. `instance` is drawn at random.
    kernel_options kernel;
    /// A loopback address; port 0 picks one. Empty: the node only dials.
    std::string listen = "127.0.0.1:0";
    /// What the nodes of the run know and nobody else. Required for links.
    run_secret secret;

    effect_registry effects;
    std::size_t effect_threads = 4;
    /// Effects waiting for a thread; one more is answered with errc::limit_reached.
    std::size_t effect_queue_max = 65'536;

    /// How long the kernel runs before sockets are looked at again.
    duration turn_budget{200'000};
    /// A turn that took longer asks the kernel once more whether its lease still holds before
    /// anything leaves.
    duration turn_long{5'000'000};
    /// Code of an incarnation that does not come to an await within this ends the process with exit
    /// code 70, after it has been named on standard error; one node of a process may have it.
    duration yield_within = for_ever;
    /// Who names it: `&running_now`, in a program that has the kernel.
    running_code (*what_runs)() noexcept = nullptr;
    /// Time for a connection's handshake.
    duration handshake_within{5'000'000'000};

    /// Called once, on the node's thread, when its life is over: it left (errc::ok), or why.
    std::function<void(const error& reason)> on_stopped;
};

/// What a node's links did since its start.
struct node_traffic {
    std::uint64_t links = 0;
    std::uint64_t refused = 0;     ///< connections that did not prove the secret
    std::uint64_t crowded_out = 0; ///< connections closed for want of room before they proved it
    std::uint64_t reads = 0, writes = 0;
    std::uint64_t bytes_read = 0, bytes_written = 0;
};

/// How a node runs a computation.
struct rdc_options {
    std::uint32_t nodes_wanted = 1; ///< it is established when so many are there, this one counted
    duration nodes_within = std::chrono::seconds{20}; ///< or else it is not established
    /// Told what happens, on the node's thread; the last report says how the computation ended.
    std::function<void(const launching::progress&)> on_progress;
};

class node {
public:
    /// With a loop of its own: see `run`. `modules` is borrowed and outlives the node.
    node(node_options options, const module_table& modules);
    /// On the program's loop, which outlives the node and runs on one thread.
    node(asio::io_context& context, node_options options, const module_table& modules);
    /// Cuts the links and waits for effects that are being done. Does not leave the run: the others
    /// learn of it by silence. On the node's thread, or when its loop does not run.
    ~node();
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    /// Listens and begins the node's life. Once. Errors: io_failed (the port is taken), unsupported
    /// (not a loopback address), invalid_argument (no secret, another malformed option).
    result<void> start();
    /// The same, as the root of a run that does this computation. When it has ended the node
    /// leaves. Errors, beside those of start(): invalid_argument: it is not to be a root, or the
    /// modules lack the standard ones (services/standard.hpp). What is wrong with the configuration
    /// is reported when the computation ends as not established: `check` says it before.
    result<void> start(rdc what, rdc_options how = {});
    /// A way for the program's own code to an export of the computation; it need not be established
    /// yet. That there is no such export, or of another protocol, is what its messages end with.
    /// Requires: start(rdc) was called.
    template <class P>
    session<P> open(std::string name) {
        return session<P>{open(std::move(name), P::name)};
    }
    /// Runs the node's own loop until its life is over. Requires the constructor without a loop.
    void run();

    /// Where it listens, with the real port; empty before `start` or when it does not listen.
    std::string_view address() const noexcept;
    /// The kernel, from `start` on. Inputs only through `post`, so that a turn follows them.
    equus::kernel& kernel() noexcept;
    /// Calls `fn` with the kernel on the node's thread, then gives it a turn. Dropped after the
    /// node's end. Any thread, while the node exists.
    void post(std::function<void(equus::kernel&)> fn);
    /// Leaves the run; `on_stopped` says when it has. Any thread, while the node exists.
    void leave(error reason = errc::ok);
    /// Whether its life is over.
    bool stopped() const noexcept;
    node_traffic traffic() const noexcept;

private:
    std::shared_ptr<host::session_core> open(std::string name, std::string_view protocol);
    struct impl;
    std::unique_ptr<asio::io_context> own_context_;
    std::shared_ptr<impl> impl_;
};

} // namespace equus
