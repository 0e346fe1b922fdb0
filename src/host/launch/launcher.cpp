#include "host/launch/launcher.hpp"

#include "host/launch/run_folder.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace equus::launcher {

using launching::ending;

namespace {

constexpr auto leave_within = std::chrono::seconds{5};
constexpr auto terminate_within = std::chrono::seconds{2};
constexpr std::size_t tools_max = 64;

std::uint64_t random_number() {
    const run_secret drawn = new_run_secret();
    std::uint64_t number = 0;
    std::memcpy(&number, drawn.value.data(), sizeof number);
    return number | 1;
}

} // namespace

launcher::launcher(launch_plan plan)
    : plan_{std::move(plan)}, signals_{context_}, deadline_{context_}, secret_{new_run_secret()},
      run_id_{random_number()}, report_{plan_.quiet} {}

launcher::~launcher() {
    if (!control_path_.empty())
        ::unlink(control_path_.c_str());
    // Nothing is left behind, however the run has ended.
    for (child& each : children_)
        if (each.pid > 0) {
            ::kill(each.pid, SIGKILL);
            ::waitpid(each.pid, &each.status, 0);
        }
}

launch_outcome launcher::run() {
    started_ = std::chrono::steady_clock::now();
    if (auto opened = open_control_socket(); !opened) {
        outcome_.how = ending::not_established;
        outcome_.reason = opened.error().code();
        outcome_.text = opened.error().describe();
        return outcome_;
    }
    outcome_.run_name = plan_.run_name;
    watch_signals();
    if (auto started = start_node(false); !started)
        cut_off(started.error().code(), started.error().describe());
    context_.run();
    outcome_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    return outcome_;
}

// ---------------------------------------------------------------------- nodes

node_order launcher::order_for(std::size_t index, const std::string& root_address) const {
    node_order order;
    order.name = children_[index].name;
    order.root = index == 0;
    order.root_address = root_address;
    order.run = run_id_;
    order.secret = bytes{std::span<const std::byte>{secret_.value}};
    order.folders = plan_.folders;
    if (order.root)
        order.listen = plan_.listen;
    order.yield_within = plan_.yield_within;
    return order;
}

result<void> launcher::start_node(bool added) {
    const std::size_t index = children_.size();
    const std::string& program = plan_.programs[index % plan_.programs.size()];
    auto made = start_child(context_, "n" + std::to_string(index + 1), program);
    if (!made)
        return fail(std::move(made.error()));
    children_.push_back(std::move(*made));
    child& started = children_.back();
    started.added = added;
    started.talk->on_message = [this, index](message m) { node_said(index, std::move(m)); };
    started.talk->start();
    started.talk->send(message_kind::begin, order_for(index, root_address_));
    return {};
}

void launcher::node_said(std::size_t index, message m) {
    child& from = children_[index];
    switch (m.kind) {
    case message_kind::listening:
        if (auto where = wire::decode<where_it_listens>(m.body.span()))
            node_is_listening(index, where->address);
        break;
    case message_kind::joined:
        if (auto at = wire::decode<node_boot>(m.body.span()))
            from.at = *at;
        break;
    case message_kind::progress:
        if (auto what = wire::decode<launching::progress>(m.body.span()))
            progressed(*what);
        break;
    case message_kind::output:
        if (auto words = wire::decode<printed>(m.body.span()))
            report_.print(words->text);
        break;
    case message_kind::answer:
        if (auto answer = wire::decode<controlling::answer>(m.body.span()))
            if (const auto asked = asked_.find(answer->id); asked != asked_.end()) {
                answer->id = asked->second.second;
                asked->second.first->send(message_kind::answered, *answer);
                asked_.erase(asked);
            }
        break;
    case message_kind::stopped:
        if (auto why = wire::decode<ended>(m.body.span())) {
            from.said_farewell = true;
            from.farewell = why->text;
        }
        from.talk->close(); // it waits for that
        break;
    default:
        break;
    }
}

void launcher::node_is_listening(std::size_t index, const std::string& address) {
    if (index != 0)
        return;
    root_address_ = address;
    launching::order order;
    order.configuration = plan_.configuration;
    order.services = plan_.services;
    order.nodes_wanted = plan_.nodes;
    children_[0].talk->send(message_kind::order, order);
    for (std::uint32_t i = 1; i < plan_.nodes && !ending_; ++i)
        if (auto started = start_node(false); !started)
            cut_off(started.error().code(), started.error().describe());
}

void launcher::progressed(const launching::progress& what) {
    if (!ending_) // that everybody leaves then is no news
        report_.note(what);
    if (what.kind == launching::progress_kind::running)
        outcome_.established = true;
    node_changed(what);
    if (what.kind != launching::progress_kind::finished)
        return;
    finished_ = true;
    if (!ending_) {
        outcome_.how = what.how;
        outcome_.reason = what.reason;
        outcome_.result = what.result;
        outcome_.text = what.text;
    }
    leave_all();
}

// ---------------------------------------------------------------------- the end

void launcher::end_run(ending how, errc reason, std::string text) {
    if (ending_)
        return;
    outcome_.how = how;
    outcome_.reason = reason;
    outcome_.text = std::move(text);
    leave_all();
}

/// Something was lost that a run cannot do without, before its start or later.
void launcher::cut_off(errc reason, std::string text) {
    end_run(outcome_.established ? ending::cut_off : ending::not_established, reason,
            std::move(text));
}

void launcher::leave_all() {
    if (ending_)
        return;
    ending_ = true;
    report_.show("ending");
    const ended why{outcome_.reason, outcome_.text};
    // The root tells the others; a root that is gone cannot, so everybody is told here.
    for (child& each : children_)
        if (each.pid > 0 && each.talk)
            each.talk->send(message_kind::leave, why);
    deadline_.expires_after(leave_within);
    deadline_.async_wait([this](const asio::error_code& cancelled) {
        if (cancelled)
            return;
        for (child& each : children_)
            if (each.pid > 0)
                ::kill(each.pid, SIGTERM);
        deadline_.expires_after(terminate_within);
        deadline_.async_wait([this](const asio::error_code& cancelled_too) {
            if (cancelled_too)
                return;
            for (child& each : children_)
                if (each.pid > 0)
                    ::kill(each.pid, SIGKILL);
        });
    });
    finish_if_all_gone();
}

void launcher::finish_if_all_gone() {
    if (!ending_)
        return;
    for (const child& each : children_)
        if (each.pid > 0)
            return;
    context_.stop();
}

void launcher::watch_signals() {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    signals_.add(SIGHUP);
    signals_.add(SIGCHLD);
    signals_.async_wait([this](const asio::error_code& failed, int number) {
        if (failed)
            return;
        if (number == SIGCHLD) {
            children_ended();
        } else if (ending_) {
            context_.stop(); // asked twice: what is left is killed
        } else {
            report_.say("interrupted: ending the run (again: at once)");
            end_run(ending::stopped, errc::cancelled, {});
        }
        signals_.clear();
        watch_signals();
    });
}

void launcher::children_ended() {
    for (child& each : children_) {
        int status = 0;
        if (each.pid > 0 && ::waitpid(each.pid, &status, WNOHANG) == each.pid)
            child_ended(each, status);
    }
    finish_if_all_gone();
}

void launcher::child_ended(child& which, int status) {
    const pid_t pid = which.pid;
    which.pid = 0;
    which.status = status;
    const bool well = which.said_farewell && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ending_ && !finished_ && which.withdrawn && well) {
        report_.say("left: node " + which.name);
        answer_withdrawing(which, errc::ok, {});
        return;
    }
    if (ending_ || finished_ || well) {
        if (!ending_)
            leave_all(); // a node left by itself: the run is over or the root ended it
        return;
    }
    std::string how =
        "node " + which.name + " (process " + std::to_string(pid) + ") " + describe_status(status);
    outcome_.lost.push_back(how);
    if (!which.farewell.empty())
        how = "node " + which.name + ": " + which.farewell;
    answer_adding(which, errc::broken, how);
    answer_withdrawing(which, errc::ok, how); // it is gone, which was asked for
    if (&which == &children_.front() && outcome_.established) {
        cut_off(errc::broken, "the root is lost: " + how);
    } else if (&which == &children_.front() || (!which.at.node && !which.added)) {
        cut_off(errc::broken, std::move(how));
    } else {
        report_.say(how);
        if (which.at.node)
            children_.front().talk->send(message_kind::dead, which.at);
    }
}

// ---------------------------------------------------------------------- tools

result<void> launcher::open_control_socket() {
    auto folder = run_folder();
    if (!folder)
        return fail(std::move(folder.error()));
    const bool named = !plan_.run_name.empty();
    for (int attempt = 1; attempt <= 1'000; ++attempt) {
        if (!named)
            plan_.run_name = plan_.configuration.name + "-" + std::to_string(attempt);
        const std::string path = socket_path(*folder, plan_.run_name);
        if (path.size() >= sizeof(sockaddr_un::sun_path))
            return fail(errc::too_large, "the path of the control socket: " + path);
        asio::error_code failed;
        asio::local::stream_protocol::endpoint where{path};
        asio::local::stream_protocol::socket probe{context_};
        probe.connect(where, failed);
        if (!failed) {
            if (named)
                return fail(errc::already_exists, "a run named '" + plan_.run_name + "' is alive");
            continue;
        }
        ::unlink(path.c_str()); // left by a launcher that was killed
        control_.emplace(context_);
        control_->open(where.protocol(), failed);
        if (!failed) {
            const mode_t before = ::umask(0077);
            control_->bind(where, failed);
            ::umask(before);
        }
        if (!failed)
            control_->listen(asio::socket_base::max_listen_connections, failed);
        if (failed)
            return fail(errc::io_failed, "control socket '" + path + "': " + failed.message());
        control_path_ = path;
        accept_tool();
        return {};
    }
    return fail(errc::limit_reached, "a thousand runs of this configuration are alive");
}

void launcher::accept_tool() {
    control_->async_accept([this](const asio::error_code& failed, pipe::socket socket) {
        if (failed)
            return;
        ucred who{};
        socklen_t size = sizeof who;
        const bool ours =
            ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
            (who.uid == ::getuid() || who.uid == 0);
        if (ours && asked_.size() < tools_max) {
            auto tool = pipe::make(std::move(socket));
            std::weak_ptr<pipe> weak = tool;
            tool->on_message = [this, weak](message m) {
                if (auto alive = weak.lock())
                    tool_said(alive, std::move(m));
            };
            tool->start();
            run_description about;
            about.name = plan_.run_name;
            about.file = plan_.file;
            about.rdc_name = plan_.configuration.name;
            about.state = ending_ ? "ending" : outcome_.established ? "running" : "starting";
            about.processes = nodes_alive();
            about.declared_dot = plan_.declared_dot;
            tool->send(message_kind::described, about);
        }
        accept_tool();
    });
}

void launcher::tool_said(const std::shared_ptr<pipe>& tool, message m) {
    if (m.kind == message_kind::stop) {
        auto why = wire::decode<ended>(m.body.span());
        tool->send(message_kind::answered, controlling::answer{});
        report_.say("stopped by a tool");
        end_run(ending::stopped, errc::cancelled, why ? why->text : std::string{});
        return;
    }
    if (m.kind == message_kind::ask_declared) {
        tool->send(message_kind::declared, plan_.configuration);
        return;
    }
    if ((m.kind == message_kind::add || m.kind == message_kind::withdraw) && !ending_) {
        result<void> begun = fail(errc::malformed);
        if (m.kind == message_kind::add) {
            if (auto asked = wire::decode<nodes_to_add>(m.body.span()))
                begun = add_nodes(asked->count, tool);
        } else if (auto asked = wire::decode<withdraw_node>(m.body.span())) {
            begun = withdraw(*asked, tool);
        }
        if (!begun) {
            controlling::answer refused;
            refused.reason = begun.error().code();
            refused.text = begun.error().text();
            tool->send(message_kind::answered, refused);
        }
        return;
    }
    auto command = wire::decode<controlling::command>(m.body.span());
    if (m.kind != message_kind::ask || !command || children_.empty() || ending_) {
        controlling::answer refused;
        refused.reason = errc::refused;
        refused.text = ending_ ? "the run is ending" : "a message that this version does not know";
        tool->send(message_kind::answered, refused);
        return;
    }
    const std::uint64_t id = next_command_++;
    asked_[id] = {tool, command->id};
    command->id = id;
    children_.front().talk->send(message_kind::command, *command);
}

} // namespace equus::launcher
