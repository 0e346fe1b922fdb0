#include <equus/host/effects.hpp>

#include <atomic>
#include <exception>

namespace equus {

namespace {

error not_registered(std::string_view name) {
    return {errc::not_found, "no effect named '" + std::string{name} + "' on this node"};
}

/// Calls `does`; what it throws becomes an error.
template <class Does>
result<bytes> guarded(std::string_view name, Does&& does) noexcept {
    try {
        return does();
    } catch (const std::exception& thrown) {
        return fail(errc::io_failed, std::string{name} + ": " + thrown.what());
    } catch (...) {
        return fail(errc::io_failed, std::string{name} + ": an exception without a text");
    }
}

} // namespace

struct effect_completion::once {
    explicit once(std::function<void(result<bytes>)> to) : deliver{std::move(to)} {}
    ~once() {
        if (!answered.load())
            deliver(fail(errc::abandoned, "the effect was dropped without an answer"));
    }
    std::function<void(result<bytes>)> deliver;
    std::atomic<bool> answered{false};
};

effect_completion::effect_completion(std::function<void(result<bytes>)> deliver)
    : once_{std::make_shared<once>(std::move(deliver))} {}

void effect_completion::operator()(result<bytes> outcome) const {
    if (!once_->answered.exchange(true))
        once_->deliver(std::move(outcome));
}

bool effect_registry::waits(std::string_view name) const {
    const auto found = effects_.find(name);
    return found != effects_.end() && found->second.begins != nullptr;
}

result<bytes> effect_registry::perform(std::string_view name, bytes request) const noexcept {
    const auto found = effects_.find(name);
    if (found == effects_.end())
        return fail(not_registered(name));
    if (!found->second.does)
        return fail(errc::unsupported, "effect '" + std::string{name} + "' waits: begin it");
    return guarded(name, [&] { return found->second.does(std::move(request)); });
}

void effect_registry::begin(std::string_view name, bytes request,
                            effect_completion done) const noexcept {
    const auto found = effects_.find(name);
    if (found == effects_.end() || !found->second.begins) {
        done(fail(not_registered(name)));
        return;
    }
    auto begun = guarded(name, [&]() -> result<bytes> {
        found->second.begins(std::move(request), done);
        return bytes{};
    });
    if (!begun)
        done(std::move(begun));
}

} // namespace equus
