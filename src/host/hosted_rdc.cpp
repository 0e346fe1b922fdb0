#include "host/hosted_rdc.hpp"

#include <equus/control.hpp>
#include <equus/services/console.hpp>

#include <asio/post.hpp>

#include <algorithm>
#include <cstdio>

namespace equus::host {

// ---------------------------------------------------------------------- launch

void hosted_rdc::add_effects(effect_registry& to) {
    const auto weak = weak_from_this();
    to.add_waiting(std::string{launching::next_effect}, [weak](bytes, effect_completion done) {
        if (const auto self = weak.lock())
            self->orders_.ask(std::move(done));
    });
    to.add_waiting(std::string{launching::report_effect},
                   [weak](const bytes& what, const effect_completion& done) {
                       if (const auto self = weak.lock())
                           self->reported(what);
                       done(encoded(launching::noted{}));
                   });
    to.add_waiting(std::string{gateway::next_effect},
                   [weak](const bytes& request, effect_completion done) {
                       const auto self = weak.lock();
                       const auto asked = wire::decode<gateway::next_batch>(request.span());
                       session_core* core = self && asked ? self->find(asked->session) : nullptr;
                       if (core)
                           core->gateway_asks(std::move(done));
                       else
                           done(fail(errc::not_found, "no such session"));
                   });
    to.add_waiting(std::string{gateway::answer_effect},
                   [weak](const bytes& request, const effect_completion& done) {
                       const auto self = weak.lock();
                       auto answer = wire::decode<gateway::answer>(request.span());
                       if (self && answer)
                           if (session_core* core = self->find(answer->session))
                               core->answered(std::move(*answer));
                       done(encoded(gateway::taken{}));
                   });
    if (!to.contains(console::write_effect))
        to.add<console::write>(std::string{console::write_effect},
                               [](const console::write& text) -> result<console::written> {
                                   std::fwrite(text.text.data(), 1, text.text.size(), stdout);
                                   std::fflush(stdout);
                                   return console::written{};
                               });
}

result<void> hosted_rdc::boot(kernel& on, const launching::order& establish) {
    auto first = encoded(establish);
    if (!first)
        return fail(std::move(first.error()));
    orders_.put(std::move(*first));
    creation launch;
    launch.module = "equus.launch";
    launch.name = "equus.launch";
    auto what = encoded(launch);
    auto made = what ? on.boot(*what) : fail(std::move(what.error()));
    if (!made)
        return fail(std::move(made.error()));
    return {};
}

void hosted_rdc::reported(const bytes& what) {
    auto told = wire::decode<launching::progress>(what.span());
    if (!told)
        return;
    const bool finished = told->kind == launching::progress_kind::finished;
    asio::post(context, [self = shared_from_this(), told = std::move(*told), finished] {
        if (self->on_progress)
            self->on_progress(told);
        if (finished && self->on_finished)
            self->on_finished();
    });
}

session_core* hosted_rdc::find(std::uint64_t session) noexcept {
    const auto found = sessions_.find(session);
    return found == sessions_.end() ? nullptr : found->second.get();
}

std::shared_ptr<session_core> hosted_rdc::open(std::string name, std::string_view protocol) {
    launching::order order;
    order.kind = launching::order_kind::open;
    order.name = std::move(name);
    order.protocol = protocol;
    order.session = next_session_++;
    auto core = std::make_shared<session_core>(*this, order.session);
    if (ended_) {
        core->fail_all(*ended_);
        return core;
    }
    sessions_.emplace(order.session, core);
    if (auto text = encoded(order))
        orders_.put(std::move(*text));
    else
        core->fail_all(text.error());
    // What holders share counts them; the session itself goes on until all is answered.
    return {core.get(), [core](session_core*) { core->let_go(); }};
}

void hosted_rdc::over(const error& reason) {
    if (ended_)
        return;
    ended_ = error{reason == errc::ok ? errc::closed : reason.code(), "the node's life is over"};
    auto all = std::exchange(sessions_, {});
    for (auto& [id, core] : all)
        core->fail_all(*ended_);
}

// ---------------------------------------------------------------------- sessions

void session_core::submit(session_call call) {
    const auto refuse = [&](error reason) {
        asio::post(context(), [done = std::move(call.done), reason = std::move(reason)] {
            done(fail(error{reason}));
        });
    };
    if (failure_)
        return refuse(*failure_);
    if (!call.body)
        return refuse(call.body.error());
    if (outstanding_.size() >= calls_max)
        return refuse({errc::limit_reached, "a session's calls_max"});
    const duration within = call.within.value_or(call.invoked ? in_->call_timeout : for_ever);
    unsent made;
    made.message.id = next_call_++;
    made.message.name = call.name;
    made.message.ordinal = call.ordinal;
    made.message.invoked = call.invoked;
    made.message.within = within;
    made.message.body = std::move(*call.body);
    const auto now = clock::now();
    made.until = within > clock::time_point::max() - now ? clock::time_point::max() : now + within;
    outstanding_.emplace(made.message.id, std::move(call.done));
    unsent_.push_back(std::move(made));
    hand_over();
}

void session_core::gateway_asks(effect_completion done) {
    gateway_.emplace(std::move(done));
    hand_over();
    end_if_done();
}

/// All that waits goes to the gateway, with the time that is left.
void session_core::hand_over() {
    refuse_late();
    if (unsent_.empty())
        return;
    if (!gateway_) {
        arm_timer();
        return;
    }
    gateway::batch all;
    const auto now = clock::now();
    for (unsent& each : unsent_) {
        if (each.until != clock::time_point::max())
            each.message.within = each.until - now;
        all.messages.push_back(std::move(each.message));
    }
    unsent_.clear();
    timer_.cancel();
    const effect_completion gateway = *std::exchange(gateway_, std::nullopt);
    auto text = encoded(all);
    if (text) {
        gateway(std::move(*text));
        return;
    }
    // Together they are more than one message may be: the gateway asks again.
    for (const gateway::outside_message& each : all.messages)
        finish(each.id, fail(error{text.error()}));
    gateway(encoded(gateway::batch{}));
}

void session_core::refuse_late() {
    const auto now = clock::now();
    std::vector<std::uint64_t> late;
    std::erase_if(unsent_, [&](const unsent& each) {
        if (each.until > now)
            return false;
        late.push_back(each.message.id);
        return true;
    });
    for (const std::uint64_t id : late)
        finish(id, fail(errc::timed_out, "the computation has not been established"));
}

void session_core::arm_timer() {
    auto first = clock::time_point::max();
    for (const unsent& each : unsent_)
        first = std::min(first, each.until);
    if (first == clock::time_point::max())
        return;
    timer_.expires_at(first);
    timer_.async_wait(
        [weak = std::weak_ptr<hosted_rdc>{in_}, id = id_](const std::error_code& off) {
            const auto in = weak.lock();
            if (off || !in)
                return;
            if (session_core* self = in->find(id))
                self->hand_over();
        });
}

void session_core::answered(gateway::answer what) {
    if (what.id == 0) {
        fail_all(what.text.empty() ? error{what.reason} : error{what.reason, what.text});
    } else if (what.reason == errc::ok) {
        finish(what.id, std::move(what.body));
    } else {
        finish(what.id, fail(what.text.empty() ? error{what.reason}
                                               : error{what.reason, std::move(what.text)}));
    }
}

void session_core::finish(std::uint64_t id, result<bytes> outcome) {
    const auto found = outstanding_.find(id);
    if (found == outstanding_.end())
        return;
    auto done = std::move(found->second);
    outstanding_.erase(found);
    done(std::move(outcome)); // posts
    end_if_done();
}

void session_core::fail_all(const error& reason) {
    if (!failure_)
        failure_ = reason;
    unsent_.clear();
    timer_.cancel();
    for (auto& [id, done] : std::exchange(outstanding_, {}))
        done(fail(error{reason}));
    end_if_done();
}

void session_core::let_go() {
    let_go_ = true;
    end_if_done();
}

void session_core::end_if_done() {
    if (!let_go_ || !outstanding_.empty() || (!gateway_ && !failure_))
        return;
    if (gateway_) {
        gateway::batch last;
        last.last = true;
        (*std::exchange(gateway_, std::nullopt))(encoded(last));
    }
    // Whoever calls this is done with the session, but stands in it.
    asio::post(context(), [in = in_, id = id_] { in->sessions_.erase(id); });
}

void submit(const std::shared_ptr<session_core>& to, session_call call) {
    to->submit(std::move(call));
}

asio::io_context& loop_of(const session_core& session) noexcept {
    return const_cast<session_core&>(session).context();
}

} // namespace equus::host
