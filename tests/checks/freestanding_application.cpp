// An application for a card: what the application headers' templates make of it is compiled for
// m68k and its undefined symbols are checked, since templates that nobody instantiates hide what
// they need.
#include <equus/equus.hpp>

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace card {

struct receipt {
    std::uint64_t id = 0;
    std::uint32_t pages = 0;
    EQUUS_FIELDS(id, pages)
};
struct print {
    using reply = receipt;
    std::string title;
    equus::bytes body;
    std::vector<std::uint32_t> copies;
    std::optional<std::int16_t> tray;
    std::map<std::string, double> options;
    EQUUS_FIELDS(title, body, copies, tray, options)
};
struct cancel {
    std::uint64_t id = 0;
    EQUUS_FIELDS(id)
};
struct printed {
    receipt about;
    EQUUS_FIELDS(about)
};
using printing = equus::protocol<"card.printing", print, cancel>;
using reporting = equus::protocol<"card.reporting", printed>;

class spooler : public equus::incarnation<spooler> {
public:
    struct state {
        std::uint64_t next = 1;
        std::deque<receipt> done;
        EQUUS_FIELDS(next, done)
    };
    state state_;
    equus::port<printing> jobs{*this, "jobs"};
    equus::stream<reporting> reports{*this, "reports"};

    equus::task<receipt> on(print job) {
        const receipt made{state_.next++, static_cast<std::uint32_t>(job.body.size() / 1024)};
        state_.done.push_back(made);
        co_await equus::ok(co_await reports.send<printed>(made));
        co_return made;
    }
    void on(cancel) {}
};

class client : public equus::incarnation<client> {
public:
    equus::stream<printing> out{*this, "out"};

    equus::task<> main() {
        using namespace std::chrono_literals;
        for (int turn = 0; turn < 3; ++turn) {
            auto made = co_await out.invoke<print>("title", equus::bytes{"body"}).within(2s);
            if (!made)
                co_await equus::ok(co_await out.send<cancel>(std::uint64_t{7}));
            co_await equus::sleep(20ms);
        }
    }
};

void register_modules(equus::module_table& modules);
void register_modules(equus::module_table& modules) {
    modules.add<spooler>("card.spooler");
    modules.add<client>("card.client");
}

} // namespace card
