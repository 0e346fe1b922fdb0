#include "host/commands/conversation.hpp"

#include "host/commands/context.hpp"
#include "host/launch/pipe.hpp"
#include "host/launch/run_folder.hpp"

#include <asio/connect.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstdio>
#include <vector>

namespace equus::commands {

result<conversation> talk_to(const std::string& run, launcher::message_kind kind, bytes question,
                             duration within) {
    if (!launcher::is_run_name(run))
        return fail(errc::not_found, "'" + run + "' is no name of a run");
    auto folder = launcher::run_folder();
    if (!folder)
        return fail(std::move(folder.error()));
    asio::io_context context{1};
    launcher::pipe::socket socket{context};
    const std::string path = launcher::socket_path(*folder, run);
    asio::error_code refused;
    if (path.size() < launcher::socket_path_bytes_max)
        socket.connect({path}, refused);
    if (refused || path.size() >= launcher::socket_path_bytes_max)
        return fail(errc::not_found, "no run named '" + run + "' is alive");
    conversation heard;
    error why{errc::broken, "the run has ended"};
    bool complete = false;
    auto pipe = launcher::pipe::make(std::move(socket));
    pipe->on_message = [&](launcher::message m) {
        switch (m.kind) {
        case launcher::message_kind::described:
            if (auto about = wire::decode<launcher::run_description>(m.body.span()))
                heard.about = std::move(*about);
            if (kind != launcher::message_kind::described) {
                pipe->send(kind, std::move(question));
                return;
            }
            complete = true;
            break;
        case launcher::message_kind::declared:
            if (auto declared = wire::decode<rdc>(m.body.span())) {
                heard.declared = std::move(*declared);
                complete = true;
            }
            break;
        default:
            if (auto answer = wire::decode<controlling::answer>(m.body.span())) {
                heard.answer = std::move(*answer);
                complete = true;
            }
        }
        context.stop();
    };
    pipe->on_closed = [&] { context.stop(); };
    pipe->start();
    asio::steady_timer late{context, within};
    late.async_wait([&](const asio::error_code& cancelled) {
        if (!cancelled) {
            why = error{errc::timed_out, "the run does not answer"};
            context.stop();
        }
    });
    context.run();
    pipe->on_closed = nullptr;
    pipe->on_message = nullptr;
    if (!complete)
        return fail(std::move(why));
    if (heard.answer.reason != errc::ok)
        return fail(heard.answer.reason, heard.answer.text);
    return heard;
}

result<conversation> ask_status(const std::string& run) {
    controlling::command question;
    return talk_to(run, launcher::message_kind::ask, *encoded(question));
}

result<std::string> choose_run(const std::string& named) {
    if (!named.empty())
        return named;
    auto folder = launcher::run_folder();
    if (!folder)
        return fail(std::move(folder.error()));
    std::vector<std::string> alive;
    for (const std::string& name : launcher::runs_in(*folder))
        if (talk_to(name, launcher::message_kind::described, {}))
            alive.push_back(name);
    if (alive.empty())
        return fail(errc::not_found, "no run of yours is alive");
    if (alive.size() > 1) {
        std::string names;
        for (const std::string& name : alive)
            names += " " + name;
        return fail(errc::invalid_argument,
                    "several runs are alive; choose by --run NAME:" + names);
    }
    return alive.front();
}

int failed(const error& why) {
    std::fprintf(stderr, "%s\n", why.describe().c_str());
    return why == errc::not_found ? no_such_run : input_has_errors;
}

} // namespace equus::commands
