#include "services/gateway.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace equus::services {

namespace {

/// Never sent: a reply that stays encoded.
struct any_reply {
    bytes encoded;
    EQUUS_FIELDS(encoded)
};

detail::envelope* encoded_message(const gateway::outside_message& from) noexcept {
    detail::envelope* made = detail::new_envelope(from.body.size());
    if (!made)
        return nullptr;
    std::memcpy(made->payload(), from.body.data(), from.body.size());
    made->payload_bytes = static_cast<std::uint32_t>(from.body.size());
    made->ordinal = from.ordinal;
    return made;
}

/// An invocation whose message and reply are bytes.
class encoded_call : public detail::awaitable {
public:
    encoded_call(reference stream, detail::envelope* message) noexcept
        : operation_{&detail::message_type_of<any_reply>, &deliver} {
        operation_.stream = stream;
        operation_.message = message;
        operation_.self = this;
        detail::announce(operation_);
    }
    encoded_call(const encoded_call&) = delete;
    encoded_call& operator=(const encoded_call&) = delete;
    encoded_call& within(duration timeout) noexcept {
        if (!operation_.has_ended())
            detail::set_timeout(operation_, timeout);
        return *this;
    }
    bool await_ready() {
        if (operation_.owner)
            detail::begin_fresh(*operation_.owner);
        return operation_.has_ended();
    }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        detail::wait_for(operation_, waiter);
    }
    result<bytes> await_resume() {
        if (operation_.outcome != errc::ok)
            return fail(std::move(operation_.outcome));
        return std::move(answer_);
    }

private:
    struct own_operation : detail::call_operation {
        using call_operation::call_operation;
        encoded_call* self = nullptr;
    };
    static result<void*> deliver(detail::call_operation& op, void*,
                                 std::span<const std::byte> encoded) {
        encoded_call& self = *static_cast<own_operation&>(op).self;
        self.answer_ = bytes{encoded};
        return static_cast<void*>(&self.answer_);
    }
    own_operation operation_;
    bytes answer_;
};

} // namespace

std::vector<std::string> gateway_service::effects() {
    return {std::string{gateway::next_effect}, std::string{gateway::answer_effect}};
}

task<> gateway_service::main() {
    tasks_.start(take_batches());
    while (!last_ || !pending_.empty()) {
        refuse_late();
        if (!pending_.empty() && detail::is_open(channel_)) {
            while (!pending_.empty()) {
                sending_.start(send_one(std::move(pending_.front())));
                pending_.pop_front();
            }
            continue;
        }
        if (!pending_.empty() && !looking_) {
            looking_ = true;
            tasks_.start(find_channel());
        }
        if (last_ && pending_.empty())
            break;
        const time_point until = first_deadline();
        const duration left = until == time_point::never() ? for_ever : until - now();
        static_cast<void>(co_await changed_.wait().within(left));
    }
    co_await sending_.all_ended();
}

task<> gateway_service::take_batches() {
    while (!last_) {
        gateway::next_batch asked;
        asked.session = parameters_.session;
        auto got = co_await effect(gateway::next_effect, asked);
        if (!got) {
            last_ = true; // the driver has forgotten the session
        } else {
            last_ = got->last;
            for (gateway::outside_message& each : got->messages) {
                if (!is_allowed(each.name)) {
                    sending_.start(
                        refuse(each.id, {errc::access_denied,
                                         "the export does not admit '" + each.name + "'"}));
                    continue;
                }
                const time_point until = deadline_after(now(), each.within);
                pending_.push_back({std::move(each), until});
            }
        }
        changed_.notify();
    }
}

/// A stream to whoever has the channel's port now, or will have it.
task<> gateway_service::find_channel() {
    if (channel_)
        detail::close(std::exchange(channel_, any_reference{}));
    const std::string who{own_name()};
    auto got =
        co_await space.invoke<space::get>(parameters_.label, who, true).within(space::patience);
    looking_ = false;
    if (got) {
        channel_ = got->what;
    } else {
        while (!pending_.empty()) {
            sending_.start(refuse(pending_.front().message.id, got.error()));
            pending_.pop_front();
        }
    }
    changed_.notify();
}

task<> gateway_service::send_one(pending what) {
    const duration left = what.until == time_point::never() ? for_ever : what.until - now();
    gateway::answer told;
    told.session = parameters_.session;
    told.id = what.message.id;
    error reason{errc::ok};
    if (what.message.invoked) {
        encoded_call call{channel_, encoded_message(what.message)};
        call.within(left);
        auto got = co_await call;
        if (got)
            told.body = std::move(*got);
        else
            reason = std::move(got.error());
    } else {
        detail::sending send{channel_, encoded_message(what.message)};
        send.within(left);
        auto sent = co_await send;
        if (!sent)
            reason = std::move(sent.error());
    }
    told.reason = reason.code();
    if (reason != errc::ok)
        told.text = reason.cause() ? reason.describe() : std::string{reason.text()};
    static_cast<void>(co_await effect(gateway::answer_effect, told));
}

task<> gateway_service::refuse(std::uint64_t id, error reason) {
    gateway::answer told;
    told.session = parameters_.session;
    told.id = id;
    told.reason = reason.code();
    told.text = std::string{reason.text()};
    static_cast<void>(co_await effect(gateway::answer_effect, told));
}

bool gateway_service::is_allowed(const std::string& message) const noexcept {
    const auto& only = parameters_.only;
    return only.empty() || std::find(only.begin(), only.end(), message) != only.end();
}

void gateway_service::refuse_late() {
    std::erase_if(pending_, [this](const pending& each) {
        if (each.until > now())
            return false;
        sending_.start(refuse(each.message.id, {errc::timed_out, "nobody has the port of '" +
                                                                     parameters_.label + "'"}));
        return true;
    });
}

time_point gateway_service::first_deadline() const noexcept {
    time_point first = time_point::never();
    for (const pending& each : pending_)
        first = std::min(first, each.until);
    return first;
}

} // namespace equus::services
