// The console service: passes text on, one write after the other.
#pragma once

#include <equus/equus.hpp>
#include <equus/services/console.hpp>

namespace equus::services {

class console_service : public incarnation<console_service> {
public:
    port<console::printing> requests{*this, "requests"};

    task<console::written> on(console::write text) {
        auto done = co_await effect(console::write_effect, text);
        if (!done)
            co_await ok(fail(std::move(done.error())));
        co_return console::written{};
    }
};

} // namespace equus::services
