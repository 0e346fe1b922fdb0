// Sends what its driver hands over (equus/services/gateway.hpp says what it promises).
#pragma once

#include <equus/effect.hpp>
#include <equus/incarnation.hpp>
#include <equus/services/gateway.hpp>
#include <equus/services/space.hpp>
#include <equus/task_group.hpp>

#include <deque>
#include <string>
#include <vector>

namespace equus::services {

class gateway_service : public incarnation<gateway_service> {
public:
    struct parameters {
        std::uint64_t session = 0;
        std::string label;             ///< of the channel, in stream space
        std::vector<std::string> only; ///< names of the messages allowed; empty: all
        EQUUS_FIELDS(session, label, only)
    };
    parameters parameters_;
    stream<space::spacing> space{*this, "space"};

    task<> main();

    static std::vector<std::string> effects();

private:
    struct pending {
        gateway::outside_message message;
        time_point until;
    };

    task<> take_batches();
    task<> find_channel();
    task<> send_one(pending what);
    task<> refuse(std::uint64_t id, error reason);
    bool is_allowed(const std::string& message) const noexcept;
    void refuse_late();
    time_point first_deadline() const noexcept;

    any_reference channel_;
    bool looking_ = false;
    bool last_ = false; ///< the driver has no more
    std::deque<pending> pending_;
    wake_signal changed_;
    task_group tasks_;   ///< that feed main()
    task_group sending_; ///< one for each message under way
};

} // namespace equus::services
