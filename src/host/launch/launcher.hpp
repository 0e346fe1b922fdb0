// The launcher: starts the node processes of a run, hands the configuration to the launch at the
// root, passes on what it hears, and ends everything, whatever happens: the computation ends, a key
// is pressed, a node dies. It is no node itself, so nothing that goes wrong in a computation can
// harm it.
#pragma once

#include "host/launch/child.hpp"
#include "host/launch/report.hpp"

#include <equus/host/secret.hpp>
#include <equus/manifest.hpp>
#include <equus/rdc.hpp>

#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace equus::launcher {

struct launch_plan {
    std::string run_name; ///< empty: made from the rdc's name
    std::string file;     ///< for people
    rdc configuration;
    std::vector<service_manifest> services;
    std::vector<std::string> programs; ///< paths; node i runs programs[i % size]
    std::uint32_t nodes = 1;
    std::vector<std::string> folders; ///< that the file services may reach
    duration yield_within{30'000'000'000};
    std::string declared_dot;
    std::string listen; ///< address of the root; empty: a free port of the loopback device
    bool quiet = false;
};

struct launch_outcome {
    launching::ending how = launching::ending::completed;
    errc reason = errc::ok;
    std::int32_t result = 0;
    std::string text;
    std::string run_name;
    double seconds = 0;
    std::vector<std::string> lost; ///< nodes whose process ended before its time, and how
    bool established = false;
};

class launcher {
public:
    explicit launcher(launch_plan plan);
    ~launcher();
    launch_outcome run();

private:
    result<void> open_control_socket();
    void accept_tool();
    void tool_said(const std::shared_ptr<pipe>& tool, message m);
    result<void> start_node(bool added);
    void node_said(std::size_t index, message m);
    void node_is_listening(std::size_t index, const std::string& address);
    void progressed(const launching::progress& what);
    void children_ended();
    void child_ended(child& which, int status);
    void end_run(launching::ending how, errc reason, std::string text);
    void cut_off(errc reason, std::string text);
    void leave_all();
    void finish_if_all_gone();
    void watch_signals();
    node_order order_for(std::size_t index, const std::string& root_address) const;

    // ---- launcher_nodes.cpp: nodes that come and go
    result<void> add_nodes(std::uint32_t count, const std::shared_ptr<pipe>& tool);
    result<void> withdraw(const withdraw_node& asked, const std::shared_ptr<pipe>& tool);
    void node_changed(const launching::progress& what);
    void leave(child& which);
    void answer_adding(child& which, errc reason, const std::string& text);
    void answer_withdrawing(const child& which, errc reason, const std::string& text);
    void refuse_nodes(std::string text);
    child* find_child(const std::string& name, node_id node);
    std::uint32_t nodes_alive() const noexcept;
    /// A tool that waits for nodes that it has asked for.
    struct adding {
        std::shared_ptr<pipe> tool;
        std::vector<std::string> awaited; ///< names
        controlling::answer answer;
    };
    struct withdrawing {
        std::shared_ptr<pipe> tool;
        node_boot node;
    };

    launch_plan plan_;
    asio::io_context context_{1};
    asio::signal_set signals_;
    asio::steady_timer deadline_;
    std::optional<asio::local::stream_protocol::acceptor> control_;
    std::string control_path_;
    run_secret secret_;
    std::uint64_t run_id_ = 0;
    std::deque<child> children_; ///< of all times; stays where it is while it grows
    std::vector<adding> adding_;
    std::vector<withdrawing> withdrawing_;
    std::map<std::string, std::unique_ptr<asio::steady_timer>> leaving_; ///< by node
    run_report report_;
    launch_outcome outcome_;
    std::chrono::steady_clock::time_point started_;
    std::map<std::uint64_t, std::pair<std::shared_ptr<pipe>, std::uint64_t>> asked_;
    std::uint64_t next_command_ = 1;
    std::string root_address_;
    bool ending_ = false;
    bool finished_ = false;
};

} // namespace equus::launcher
