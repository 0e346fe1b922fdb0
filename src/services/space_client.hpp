// Asks the primary stream space, and asks again whoever takes its place when it is lost.
#pragma once

#include <equus/incarnation.hpp>
#include <equus/services/space.hpp>
#include <equus/stream.hpp>
#include <equus/task.hpp>

#include <cstdint>
#include <set>
#include <utility>

namespace equus::services {

class space_client {
public:
    /// Numbers its requests from there. Of two clients of one incarnation the later one has the
    /// higher numbers.
    explicit space_client(std::uint64_t first = 1) noexcept : next_{first} {}

    /// `by` leads to the channel of whoever leads. An error of the answer is final; that the
    /// primary is lost is one only when the computation ends.
    template <class M>
    task<result<typename M::reply>> ask(stream<space::spacing> by, M what,
                                        duration within = space::patience) {
        const std::uint64_t number = next_++;
        open_.insert(number);
        const time_point until = deadline_after(now(), within);
        for (;;) {
            M asked = what;
            if constexpr (requires { asked.mark; })
                asked.mark = {self(), number, *open_.begin() - 1};
            auto got = co_await by.template invoke<M>(moved(asked)).within(within);
            // Too late for the first answer is too late: who says how long has another idea.
            const bool lost = !got && is_loss(got.error().code()) && by.is_open() &&
                              (within == space::patience || now() < until);
            if (!lost) {
                open_.erase(number);
                co_return got;
            }
            co_await sleep(std::chrono::milliseconds{5});
        }
    }

private:
    static bool is_loss(errc why) noexcept {
        return why == errc::broken || why == errc::maybe_delivered || why == errc::abandoned;
    }
    std::uint64_t next_;
    std::set<std::uint64_t> open_; ///< numbers under way
};

} // namespace equus::services
