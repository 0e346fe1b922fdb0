#include "host/launch/node_process.hpp"

#include "host/hosted_rdc.hpp"
#include "host/launch/pipe.hpp"

#include <equus/host/files.hpp>
#include <equus/services/console.hpp>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <sys/prctl.h>

#include <csignal>
#include <cstring>
#include <optional>

namespace equus::launcher {

namespace {

constexpr auto end_within = std::chrono::seconds{3};

class process {
public:
    process(const module_table& modules, const effect_registry& effects)
        : modules_{modules}, effects_{effects}, deadline_{context_} {}

    int run() {
        asio::error_code failed;
        pipe::socket socket{context_};
        socket.assign(asio::local::stream_protocol(), node_socket, failed);
        if (failed) {
            std::fprintf(stderr, "this command is used by 'run'; it is not for people\n");
            return 2;
        }
        launcher_ = pipe::make(std::move(socket));
        launcher_->on_message = [this](message m) { heard(std::move(m)); };
        launcher_->on_closed = [this] { launcher_is_gone(); };
        launcher_->start();
        context_.run();
        return code_;
    }

private:
    void heard(message m) {
        switch (m.kind) {
        case message_kind::begin:
            if (auto order = wire::decode<node_order>(m.body.span()); order && !node_)
                begin(std::move(*order));
            break;
        case message_kind::order:
            orders_.put(std::move(m.body));
            break;
        case message_kind::command:
            commands_.put(std::move(m.body));
            break;
        case message_kind::dead:
            if (auto dead = wire::decode<node_boot>(m.body.span()); dead && node_)
                node_->post([who = *dead](kernel& k) { k.evict(who); });
            break;
        case message_kind::leave:
            if (auto why = wire::decode<ended>(m.body.span()); why && node_)
                node_->leave(why->text.empty() ? error{why->reason}
                                               : error{why->reason, why->text});
            break;
        default:
            break;
        }
    }

    void begin(node_order order) {
        node_options options;
        options.kernel.name = order.name;
        options.kernel.root = order.root;
        options.kernel.root_address = order.root_address;
        options.kernel.run = rdc_id{order.run};
        options.yield_within = order.yield_within;
        options.what_runs = &running_now;
        for (const std::string& tag : order.tags)
            options.kernel.traits.emplace_back(tag, "");
        if (order.secret.size() == options.secret.value.size())
            std::memcpy(options.secret.value.data(), order.secret.data(), order.secret.size());
        if (!order.listen.empty())
            options.listen = order.listen;
        options.effects = effects_;
        files_options files;
        for (std::string& folder : order.folders)
            files.roots.push_back({std::move(folder), true, {}});
        if (auto added = add_file_effects(options.effects, files); !added)
            return give_up(added.error());
        add_waiting_effects(options.effects);
        options.on_stopped = [this](const error& reason) { node_stopped(reason); };

        node_.emplace(context_, std::move(options), modules_);
        if (auto up = node_->start(); !up)
            return give_up(up.error());
        launcher_->send(message_kind::listening, where_it_listens{std::string{node_->address()}});
        wait_until_joined(order.root);
    }

    void add_waiting_effects(effect_registry& effects) {
        // These are asked and answered on the loop's thread: they only pass messages on.
        const auto hand_over = [this](message_kind kind) {
            return [this, kind](bytes request, effect_completion done) {
                launcher_->send(kind, std::move(request));
                done(reply_to(kind));
            };
        };
        effects.add_waiting(
            std::string{launching::next_effect},
            [this](bytes, effect_completion done) { orders_.ask(std::move(done)); });
        effects.add_waiting(
            std::string{controlling::next_effect},
            [this](bytes, effect_completion done) { commands_.ask(std::move(done)); });
        effects.add_waiting(std::string{launching::report_effect},
                            hand_over(message_kind::progress));
        effects.add_waiting(std::string{controlling::answer_effect},
                            hand_over(message_kind::answer));
        effects.add_waiting(std::string{console::write_effect}, hand_over(message_kind::output));
    }
    static result<bytes> reply_to(message_kind kind) {
        switch (kind) {
        case message_kind::progress:
            return encoded(launching::noted{});
        case message_kind::answer:
            return encoded(controlling::taken{});
        default:
            return encoded(console::written{});
        }
    }

    void wait_until_joined(bool root) {
        kernel& k = node_->kernel();
        if (!k.joined()) {
            deadline_.expires_after(std::chrono::milliseconds{2});
            deadline_.async_wait([this, root](const asio::error_code& cancelled) {
                if (!cancelled && node_ && !node_->stopped())
                    wait_until_joined(root);
            });
            return;
        }
        launcher_->send(message_kind::joined, k.self());
        if (!root)
            return;
        node_->post([this](kernel& at) {
            for (const char* service : {"equus.launch", "equus.control"}) {
                creation what;
                what.module = service;
                what.name = service;
                auto body = encoded(what);
                auto made = body ? at.boot(*body) : fail(std::move(body.error()));
                if (!made)
                    give_up(made.error());
            }
        });
    }

    void give_up(const error& reason) {
        code_ = 5;
        launcher_->send(message_kind::stopped, ended{reason.code(), reason.describe()});
        end_soon();
    }

    void node_stopped(const error& reason) {
        if (code_ == 0 && reason != errc::ok)
            code_ = 4;
        launcher_->send(
            message_kind::stopped,
            ended{reason.code(), reason == errc::ok ? std::string{} : reason.describe()});
        end_soon();
    }

    void end_soon() {
        // The last message leaves first; the launcher closes the socket when it has read it.
        deadline_.expires_after(end_within);
        deadline_.async_wait([this](const asio::error_code&) { context_.stop(); });
    }

    void launcher_is_gone() {
        if (!node_ || node_->stopped()) {
            context_.stop();
            return;
        }
        code_ = 4;
        node_->leave(error{errc::cancelled, "the launcher is gone"});
        end_soon();
    }

    const module_table& modules_;
    const effect_registry& effects_;
    asio::io_context context_{1};
    asio::steady_timer deadline_;
    std::shared_ptr<pipe> launcher_;
    host::mailbox orders_;
    host::mailbox commands_;
    std::optional<node> node_;
    int code_ = 0;
};

} // namespace

int run_node_process(const module_table& modules, const effect_registry& effects) {
    // The terminal's Ctrl-C reaches the whole group; the launcher alone decides what it means.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error of its writer, no more
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    return process{modules, effects}.run();
}

} // namespace equus::launcher
